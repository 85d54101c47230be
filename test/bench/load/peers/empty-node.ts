import type { RequestListener, Server } from 'node:http';
import { informResponse } from '../messages.js';
import { type PeerSettings, listen } from './peer.js';

const fields = { 'Content-Type': 'text/xml', 'Content-Length': informResponse.length };

/** Answers at once and proxies nothing: what must be paid before anything is done. */
export const answerAtOnce: RequestListener = (request, response) => {
  request.resume();
  response.writeHead(200, fields).end(informResponse);
};

/** Node's own server with an empty handler. */
export function emptyNode(settings: PeerSettings): Promise<Server> {
  return listen(settings, answerAtOnce);
}
