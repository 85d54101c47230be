import type { ServerResponse } from 'node:http';

/**
 * Calls back when the client of a response has left or the response is over: on its `close`, which may have come already.
 * Node closes a request as soon as its body is read; only the response tells that its client has left.
 *
 * @returns A function that stops the listening.
 */
export function onClosed(response: ServerResponse, callback: () => void): () => void {
  // A close that has come is not told again. A response without a socket is waiting for its turn, or its client has left.
  if (response.closed || response.destroyed) {
    callback();
    return () => {};
  }
  response.on('close', callback);
  return () => response.off('close', callback);
}

/**
 * Does some work for the client of a response.
 *
 * @param work Is given a signal that is aborted when the client leaves before the work is done.
 */
export async function whileThere<T>(response: ServerResponse, work: (left: AbortSignal) => Promise<T>): Promise<T> {
  const left = new AbortController();
  const stop = onClosed(response, () => left.abort());
  try {
    return await work(left.signal);
  } finally {
    stop();
  }
}
