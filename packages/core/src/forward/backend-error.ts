import type { BackendFailure } from '../backends/backend.js';
import { CwmpProxyError, type CwmpProxyErrorCode } from '../errors.js';
import { type LocalShortage, localShortage } from '../http/local-shortage.js';

/** A fault of a backend connection. */
export class BackendFault extends CwmpProxyError implements BackendFailure {
  readonly connected: boolean;
  readonly counts: BackendFailure['counts'];
  readonly shortage: LocalShortage | undefined;

  constructor(code: CwmpProxyErrorCode, message: string, cause: Error, failure: BackendFailure) {
    super(code, message, { cause });
    this.connected = failure.connected;
    this.counts = failure.counts;
    this.shortage = failure.shortage;
  }

  /** Whether another backend may take the request: not a byte of it was sent, and a connection to another one may succeed. */
  get mayMove(): boolean {
    return !this.connected && this.shortage?.of !== 'machine';
  }
}

/**
 * What a fault of a backend connection is told as.
 *
 * @param sent Whether a byte of the request may have reached the backend.
 * @param answering Whether the head of its answer had come.
 */
export function backendError(cause: Error, sent: boolean, answering: boolean): CwmpProxyError {
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : cause.name;
  const shortage = localShortage(cause);
  const each: BackendFailure = { connected: sent, counts: 'each', shortage };
  if (shortage !== undefined) {
    const message = `this machine cannot connect to the backend (${shortage.code})`;
    return new BackendFault('ERR_CWMP_LOCAL_RESOURCES', message, cause, each);
  }
  if (!sent) {
    return new BackendFault('ERR_CWMP_BACKEND_UNREACHABLE', `cannot connect to the backend (${code})`, cause, each);
  }
  if (code === 'ERR_HEAD_TIMEOUT' || code === 'ERR_BODY_TIMEOUT') {
    return new BackendFault('ERR_CWMP_BACKEND_TIMEOUT', `the backend did not answer in time (${code})`, cause, each);
  }
  // A backend of TLS 1.3 refuses a client certificate behind the handshake only.
  if (code.startsWith('ERR_SSL_') && !answering) {
    return new BackendFault('ERR_CWMP_BACKEND_FAILED', `TLS with the backend has failed (${code})`, cause, each);
  }
  const failure: BackendFailure = { ...each, counts: answering ? 'none' : 'once' };
  return new BackendFault('ERR_CWMP_BACKEND_FAILED', `the backend broke off (${code})`, cause, failure);
}
