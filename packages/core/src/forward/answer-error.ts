import type { ServerResponse } from 'node:http';
import type { CwmpProxyError } from '../errors.js';

/**
 * Tells a CPE that its exchange failed: the code of the error, nothing of the request. Nothing is sent when an answer is
 * under way; cutting it is all that could be said.
 */
export function answerError(response: ServerResponse, { code, statusCode, headers }: CwmpProxyError): void {
  if (response.headersSent || response.destroyed) return;
  const body = `${code}\n`;
  response.writeHead(statusCode, { 'Content-Type': 'text/plain', 'Content-Length': body.length, ...headers }).end(body);
}
