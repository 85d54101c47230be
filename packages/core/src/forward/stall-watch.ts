import type { ServerResponse } from 'node:http';

/**
 * Cuts the connection of a CPE that takes nothing of its answer for one to two times the given time, in milliseconds. Node
 * would wait for it for ever, and with it the backend connection.
 */
export function watchForStall(response: ServerResponse, quietMs: number): void {
  let taken = -1;
  const timer = setInterval(() => {
    const { socket, writableLength } = response;
    // What the kernel has taken on this connection so far.
    const now = socket === null ? 0 : socket.bytesWritten - socket.writableLength;
    if (writableLength > 0 && now === taken) response.destroy();
    taken = now;
  }, quietMs);
  timer.unref();
  response.once('close', () => clearInterval(timer));
}
