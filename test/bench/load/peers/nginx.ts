import type { NativeSettings } from './native-peer.js';

/** nginx as its documentation sets up a reverse proxy with upstream keep-alive; one process, no logs. */
export function nginxConfig({ port, backend, pem, folder }: NativeSettings): string {
  const certificate = pem === undefined ? '' : `ssl_certificate ${pem}; ssl_certificate_key ${pem};`;
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `
daemon off;
master_process off;
pid ${folder}/nginx.pid;
error_log stderr crit;
events { worker_connections 20000; }
http {
  access_log off;
  ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join(' ')}
  client_body_buffer_size 64k;
  client_max_body_size 100m;
  keepalive_timeout 600s;
  keepalive_requests 100000000;
  upstream acs { server ${backend}; keepalive 256; keepalive_requests 100000000; }
  server {
    listen 127.0.0.1:${port} backlog=4096${pem === undefined ? '' : ' ssl'};
    ${certificate}
    location / {
      proxy_pass http://acs;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_request_buffering off;
    }
  }
}
`;
}
