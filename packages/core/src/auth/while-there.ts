import type { ServerResponse } from 'node:http';

/**
 * Does some work for whoever waits for a response. Node closes a request as soon as its body is read; only the response tells
 * that its client has left.
 *
 * @param work Is given a signal that is aborted when the client leaves before the work is done.
 */
export async function whileThere<T>(response: ServerResponse, work: (left: AbortSignal) => Promise<T>): Promise<T> {
  const left = new AbortController();
  const onClose = (): void => left.abort();
  response.on('close', onClose);
  try {
    return await work(left.signal);
  } finally {
    response.off('close', onClose);
  }
}
