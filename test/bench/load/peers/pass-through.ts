import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Client, type Dispatcher, Pool } from 'undici';
import { type PeerSettings, listen, onlyBackend } from './peer.js';

/** Fields that are of one connection, and those that undici writes itself. */
const dropped = new Set(['host', 'connection', 'keep-alive', 'content-length', 'transfer-encoding', 'expect']);

/** Bodies longer than this are streamed. */
const longestHeld = 65_536;

/**
 * The yardstick: the least that hands a request of a CPE to a backend over undici's `dispatch`, bodies held, one `Client` for
 * each connection of a CPE. No rewriting, no session, no limit, no health, no check, no mapping, no forwarding fields.
 */
export function passThrough(settings: PeerSettings): Promise<Server> {
  const backend = onlyBackend(settings);
  const clients = new WeakMap<Socket, Client>();
  return listen(settings, (request, response) => {
    const { socket } = request;
    let client = clients.get(socket);
    if (client === undefined) {
      client = new Client(backend);
      clients.set(socket, client);
      const own = client;
      socket.once('close', () => void own.destroy());
    }
    forward(client, request, response);
  });
}

/** The same over one pool that all CPEs share: cheaper, and wrong for CWMP; for information. */
export function passThroughPool(settings: PeerSettings): Promise<Server> {
  const pool = new Pool(onlyBackend(settings));
  return listen(settings, (request, response) => forward(pool, request, response));
}

function forward(dispatcher: Dispatcher, request: IncomingMessage, response: ServerResponse): void {
  const { rawHeaders, method = 'GET', url: path = '/' } = request;
  const headers: string[] = [];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? '';
    if (!dropped.has(name.toLowerCase())) headers.push(name, rawHeaders[index + 1] ?? '');
  }
  const length = request.headers['content-length'];
  if (Number(length) > longestHeld) {
    dispatcher.dispatch(
      { method, path, headers: [...headers, 'Content-Length', length ?? ''], body: request },
      answer(response),
    );
    return;
  }
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const body = chunks.length === 1 ? (chunks[0] ?? null) : Buffer.concat(chunks);
    dispatcher.dispatch({ method, path, headers, body }, answer(response));
  });
}

function answer(response: ServerResponse): Dispatcher.DispatchHandler {
  return {
    onRequestStart() {},
    onResponseStart({ rawHeaders }, status, _headers, reason = '') {
      const kept: string[] = [];
      const fields = Array.isArray(rawHeaders) ? rawHeaders : [];
      for (let index = 0; index < fields.length; index += 2) {
        const name = String(fields[index]);
        const key = name.toLowerCase();
        if (key !== 'connection' && key !== 'keep-alive') kept.push(name, String(fields[index + 1]));
      }
      response.sendDate = false;
      response.writeHead(status, reason, kept);
    },
    onResponseData(controller, chunk) {
      if (response.write(chunk)) return;
      controller.pause();
      response.once('drain', () => controller.resume());
    },
    onResponseEnd() {
      response.end();
    },
    onResponseError() {
      response.destroy();
    },
  };
}
