import type { NativeSettings } from './native-peer.js';

/** HAProxy with one thread; its default `http-reuse safe` shares connections to the backend. */
export function haproxyConfig({ port, backend, pem }: NativeSettings): string {
  return `
global
  nbthread 1
  maxconn 9000
defaults
  mode http
  timeout connect 5s
  timeout client 600s
  timeout server 600s
frontend cpes
  bind 127.0.0.1:${port} backlog 4096${pem === undefined ? '' : ` ssl crt ${pem}`}
  default_backend acs
backend acs
  server one ${backend}
`;
}
