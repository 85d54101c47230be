import type { Server } from 'node:http';
import express from 'express';
import { answerAtOnce } from './empty-node.js';
import { type PeerSettings, listen } from './peer.js';

/** Express 5 with an empty handler. */
export function emptyExpress(settings: PeerSettings): Promise<Server> {
  const app = express();
  app.use(answerAtOnce);
  return listen(settings, app);
}
