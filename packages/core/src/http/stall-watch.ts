import type { ServerResponse } from 'node:http';
import { onClosed } from './client-left.js';
import { cut } from './response.js';

/**
 * Cuts the connection of a client that takes nothing of its answer for one to two times the given time, in milliseconds. Node
 * would wait for it for ever, and with it the backend connection.
 */
export function watchForStall(response: ServerResponse, quietMs: number): void {
  let taken = -1;
  const timer = setInterval(() => {
    const { socket, writableLength } = response;
    // What the kernel has taken on this connection so far.
    const now = socket === null ? 0 : socket.bytesWritten - socket.writableLength;
    if (writableLength > 0 && now === taken) cut(response);
    taken = now;
  }, quietMs);
  timer.unref();
  onClosed(response, () => clearInterval(timer));
}
