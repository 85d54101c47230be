import type { ServerResponse } from 'node:http';
import type { CwmpProxyError } from '../errors.js';

/** Earliest and latest `Retry-After` of a 503, in seconds: drawn anew for each, so that a fleet does not return at once. */
const retryAfter = { min: 30, spread: 60 };

/**
 * Tells a CPE that its exchange failed: the code of the error, nothing of the request. Nothing is sent when an answer is
 * under way; cutting it is all that could be said.
 */
export function answerError(response: ServerResponse, { code, statusCode }: CwmpProxyError): void {
  if (response.headersSent || response.destroyed) return;
  const body = `${code}\n`;
  const headers = ['Content-Type', 'text/plain', 'Content-Length', String(body.length), 'Connection', 'close'];
  if (statusCode === 503) {
    headers.push('Retry-After', String(retryAfter.min + Math.floor(Math.random() * retryAfter.spread)));
  }
  response.writeHead(statusCode, headers).end(body);
}
