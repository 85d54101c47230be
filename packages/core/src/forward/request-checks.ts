import type { IncomingMessage } from 'node:http';
import { CwmpProxyError } from '../errors.js';
import { readTarget } from '../http/request-target.js';

/**
 * Refuses what two HTTP parsers may read in two ways, so that no backend sees a request that the proxy did not mean
 * (RFC 9112 §3.2, §6.1, §11.2). Node's own parser has refused most by now; a host may have made it lenient.
 *
 * @throws {@link CwmpProxyError} `ERR_CWMP_BAD_REQUEST`
 */
export function checkRequest(request: IncomingMessage): void {
  let hosts = 0;
  let lengths = 0;
  let transferCoding: string | undefined;
  const { rawHeaders } = request;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? '';
    // Only these three lengths can be one of the names below; the comparison is made for few fields only.
    if (name.length !== 4 && name.length !== 14 && name.length !== 17) continue;
    switch (name.toLowerCase()) {
      case 'host':
        hosts += 1;
        break;
      case 'content-length':
        lengths += 1;
        break;
      case 'transfer-encoding':
        if (transferCoding !== undefined) throw refused('Transfer-Encoding is repeated');
        transferCoding = rawHeaders[index + 1] ?? '';
        break;
      default:
    }
  }
  if (hosts > 1) throw refused('Host is repeated');
  if (lengths > 1) throw refused('Content-Length is repeated');
  const { method, headers } = request;
  // Node leaves out what is beyond the server's maxHeadersCount, 1 000 by default, a length among it; `rawHeaders` has a few
  // more.
  const isCut = lengths > 0 ? headers['content-length'] === undefined : transferCoding !== headers['transfer-encoding'];
  if (isCut || rawHeaders.length >= 2_000) throw refused('more header fields than are read');
  const hasBody = transferCoding !== undefined || (lengths > 0 && headers['content-length'] !== '0');
  if (hasBody && (method === 'GET' || method === 'HEAD')) throw refused(`a ${method} with a body`);
  if (transferCoding !== undefined) {
    if (transferCoding.toLowerCase() !== 'chunked') throw refused('a transfer coding other than chunked');
    if (lengths > 0) throw refused('Content-Length together with Transfer-Encoding');
    // RFC 9112 §6.1: HTTP/1.0 knows no chunks, and whoever stood between may have framed the message otherwise.
    if (request.httpVersion === '1.0') throw refused('Transfer-Encoding in HTTP/1.0');
  }
}

/**
 * The request target in origin form, every byte of path and query as it came (RFC 9112 §3.2.1, §3.2.2).
 *
 * @throws {@link CwmpProxyError} `ERR_CWMP_BAD_REQUEST` for other forms, a fragment, and characters no target may hold.
 */
export function originForm(target: string): string {
  const { path } = readTarget(target);
  if (!/^\/[!"$-~]*$/.test(path)) throw refused('a request target that is not a path');
  return path;
}

/**
 * Refuses a target that a backend may take for a place outside the path that stands in front of it.
 *
 * @throws {@link CwmpProxyError} `ERR_CWMP_BAD_REQUEST`
 */
export function checkInside(target: string): void {
  const [path = ''] = target.split('?', 1);
  if (
    /(?:^|[/\\])\.\.?(?:[/\\;]|$)/.test(
      path.replaceAll(/%2e/gi, '.').replaceAll(/%2f/gi, '/').replaceAll(/%5c/gi, '\\'),
    )
  ) {
    throw refused('dot segments in a request target');
  }
}

function refused(what: string): CwmpProxyError {
  return new CwmpProxyError('ERR_CWMP_BAD_REQUEST', `the request is refused: ${what}`);
}
