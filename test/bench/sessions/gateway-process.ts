// One gateway for the benchmark of sessions: the proxy, or the yardstick that it is compared with. Speaks with its parent by
// messages. Arguments: kind, URL of the backend.
import { createServer, type RequestListener } from 'node:http';
import type { Socket } from 'node:net';
import { Client, type Dispatcher } from 'undici';
import { createCwmpProxy } from '@cwmp-proxy/core';

const [, , kind = 'cwmp-proxy', backend = ''] = process.argv;

/** The yardstick: held bodies, one undici Client for each CPE connection, and no feature at all. */
function bare(): RequestListener {
  const clients = new WeakMap<Socket, Client>();
  return (request, response) => {
    const { socket } = request;
    let client = clients.get(socket);
    if (client === undefined) {
      const own = new Client(backend, { pipelining: 1, keepAliveTimeout: 600_000 });
      client = own;
      clients.set(socket, own);
      socket.once('close', () => void own.destroy());
    }
    const chosen = client;
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const headers: string[] = [];
      for (let index = 0; index < request.rawHeaders.length; index += 2) {
        const name = request.rawHeaders[index] ?? '';
        if (/^(host|connection|content-length|transfer-encoding|keep-alive|expect)$/i.test(name)) continue;
        headers.push(name, request.rawHeaders[index + 1] ?? '');
      }
      const handler: Dispatcher.DispatchHandler = {
        onRequestStart: () => {},
        onResponseStart: (controller, status) => {
          const raw = Array.isArray(controller.rawHeaders) ? controller.rawHeaders.map(String) : [];
          const kept = raw.filter((_, index) => !/^(connection|keep-alive)$/i.test(raw[index - (index % 2)] ?? ''));
          response.writeHead(status, kept);
        },
        onResponseData: (_controller, chunk) => void response.write(chunk),
        onResponseEnd: () => void response.end(),
        onResponseError: () => void response.destroy(),
      };
      const { method = 'POST', url: path = '/' } = request;
      chosen.dispatch({ method, path, headers, body: Buffer.concat(chunks) }, handler);
    });
  };
}

function proxied(): RequestListener {
  const proxy = createCwmpProxy({
    publicUrl: 'http://gateway.example:8080',
    backends: [backend],
    connectionRequests: { allow: ['10.0.0.0/8'], users: { acs: 'secret' } },
    sessions: { idleTimeoutMs: 600_000 },
    limits: { maxSessions: 100_000 },
  });
  return (request, response) => void proxy.handle(request, response);
}

const server = createServer({ keepAliveTimeout: 600_000 }, kind === 'bare' ? bare() : proxied());
server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, () => {
  const address = server.address();
  process.send?.({ port: typeof address === 'object' ? address?.port : 0 });
});
process.on('disconnect', () => process.exit());
process.on('message', () => {
  globalThis.gc?.();
  globalThis.gc?.();
  const { user, system } = process.cpuUsage();
  process.send?.({ cpuMicros: user + system, rss: process.memoryUsage.rss() });
});
