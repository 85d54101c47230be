import { CwmpProxyError } from '../errors.js';
import { token } from '../http/response-parser.js';
import type { BackendRequest } from './backend-connection.js';

// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const unfit = /[^\t\x20-\x7e\x80-\xff]/;
const unfitInTarget = /[^!-\xff]/;

/** Methods whose requests have a body, or say that it is empty (RFC 9110 §8.6). */
const withBody: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);

/**
 * The head of a request, with the fields that are of this connection: `Host`, `Connection` and what frames the body.
 *
 * @param authority Host and port of the backend.
 * @throws {@link CwmpProxyError} `ERR_CWMP_BAD_REQUEST` for a method, target or field that is no HTTP.
 */
export function requestHead({ method, path, headers, body, length }: BackendRequest, authority: string): string {
  if (!token.test(method) || unfitInTarget.test(path)) throw refused();
  let head = `${method} ${path} HTTP/1.1\r\nhost: ${authority}\r\nconnection: keep-alive\r\n`;
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] ?? '';
    const value = headers[index + 1] ?? '';
    if (!token.test(name) || unfit.test(value)) throw refused();
    head += `${name}: ${value}\r\n`;
  }
  if (!Buffer.isBuffer(body))
    head += length === undefined ? 'transfer-encoding: chunked\r\n' : `content-length: ${length}\r\n`;
  else if (body.length > 0 || withBody.has(method)) head += `content-length: ${body.length}\r\n`;
  return `${head}\r\n`;
}

function refused(): CwmpProxyError {
  return new CwmpProxyError('ERR_CWMP_BAD_REQUEST', 'the request is refused: it can not be sent on');
}
