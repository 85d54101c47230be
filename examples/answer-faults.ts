// Answers a CPE whose message `rewriteInform` could not have with the code alone, and at once. Express's own handler would send a
// stack, and would wait for the end of a body that may never come.
import { CwmpProxyError } from '@cwmp-proxy/core';
import type { ErrorRequestHandler } from 'express';

export const answerFaults: ErrorRequestHandler = (error, _request, response, next) => {
  if (response.headersSent || !(error instanceof CwmpProxyError)) return next(error);
  response.status(error.statusCode).set(error.headers).type('text').send(`${error.code}\n`);
};
