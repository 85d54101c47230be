// Answers a CPE whose message the proxy could not hand on with the code alone. Express's own handler would send it a stack.
import { CwmpProxyError } from '@cwmp-proxy/core';
import type { ErrorRequestHandler } from 'express';

export const answerFaults: ErrorRequestHandler = (error, _request, response, next) => {
  if (response.headersSent || !(error instanceof CwmpProxyError)) return next(error);
  response.status(error.statusCode).set(error.headers).type('text').send(`${error.code}\n`);
};
