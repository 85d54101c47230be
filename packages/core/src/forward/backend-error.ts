import { CwmpProxyError } from '../errors.js';

/**
 * What a fault of a backend connection is told as.
 *
 * @param sent Whether a byte of the request may have reached the backend.
 */
export function backendError(cause: Error, sent: boolean): CwmpProxyError {
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : cause.name;
  // undici refuses to write what is no HTTP: no fault of the backend.
  if (code === 'UND_ERR_INVALID_ARG' || code === 'UND_ERR_NOT_SUPPORTED') {
    return new CwmpProxyError('ERR_CWMP_BAD_REQUEST', 'the request is refused: it can not be sent on', { cause });
  }
  if (!sent) {
    return new CwmpProxyError('ERR_CWMP_BACKEND_UNREACHABLE', `cannot connect to the backend (${code})`, { cause });
  }
  switch (code) {
    case 'UND_ERR_HEADERS_TIMEOUT':
    case 'UND_ERR_BODY_TIMEOUT':
      return new CwmpProxyError('ERR_CWMP_BACKEND_TIMEOUT', `the backend did not answer in time (${code})`, { cause });
    default:
      return new CwmpProxyError('ERR_CWMP_BACKEND_FAILED', `the backend broke off (${code})`, { cause });
  }
}
