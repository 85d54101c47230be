import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { CwmpProxyError } from '../errors.js';
import { bodyFaults } from './request-body.js';

/** Most requests of one connection that wait for those before them. */
const maxWaiting = 4;

const waiting = new WeakMap<Socket, number>();

/**
 * For a response that has no connection yet, which Node gives it when the one before it is over: waits for that. A CPE must not
 * pipeline; one that does gets its messages handed on in their order, one at a time, and is cut when it sends more than a few
 * ahead.
 *
 * Rejects with a {@link CwmpProxyError}: `ERR_CWMP_CPE_GONE`, or `ERR_CWMP_BAD_REQUEST` when it was cut.
 */
export async function turnOf({ socket }: IncomingMessage, response: ServerResponse): Promise<void> {
  if (socket.destroyed) throw bodyFaults.gone();
  const count = waiting.get(socket) ?? 0;
  if (count >= maxWaiting) {
    socket.destroy();
    throw new CwmpProxyError(
      'ERR_CWMP_BAD_REQUEST',
      'the request is refused: too many were sent ahead of their answers',
    );
  }
  waiting.set(socket, count + 1);
  try {
    await new Promise<void>((resolve, reject) => {
      const onGone = (): void => reject(bodyFaults.gone());
      socket.once('close', onGone);
      response.once('socket', () => {
        socket.off('close', onGone);
        resolve();
      });
    });
  } finally {
    waiting.set(socket, (waiting.get(socket) ?? 1) - 1);
  }
}
