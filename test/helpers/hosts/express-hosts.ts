import { cwmpProxy } from '@cwmp-proxy/express';
import express5 from 'express';
import express4 from 'express4';
import { answerTo, type Host } from './host.js';
import { connectOf, keep } from './plain-host.js';

const everything = (): boolean => true;

/** Express 5. */
export const express5Host: Host = {
  name: 'Express 5',
  listener({ proxy, mount, before, options, onError }) {
    const app = express5();
    app.set('trust proxy', before.includes('trust-proxy'));
    for (const name of ['logging', 'compression', 'response-time', 'early-answer'] as const) {
      if (before.includes(name)) app.use(connectOf(name));
    }
    if (before.includes('raw-parser')) app.use(express5.raw({ type: everything }));
    if (before.includes('text-parser')) app.use(express5.text({ type: everything }));
    if (before.includes('keeping-parser')) app.use(express5.urlencoded({ type: everything, verify: keep }));
    if (before.includes('forgetful-parser')) app.use(express5.urlencoded({ type: everything }));
    const ours = cwmpProxy(proxy, options);
    if (mount === 'router') app.use('/isp', express5.Router().use('/cwmp', ours));
    else app.use(mount, ours);
    app.use((request, response) => void response.send(`app: ${request.method} ${request.originalUrl}`));
    // Express knows error handling by its four parameters.
    app.use((error: unknown, _request: express5.Request, response: express5.Response, _next: express5.NextFunction) => {
      onError(error);
      const { status, text } = answerTo(error);
      response.status(status).send(text);
    });
    return app;
  },
};

/** Express 4. */
export const express4Host: Host = {
  name: 'Express 4',
  listener({ proxy, mount, before, options, onError }) {
    const app = express4();
    app.set('trust proxy', before.includes('trust-proxy'));
    for (const name of ['logging', 'compression', 'response-time', 'early-answer'] as const) {
      if (before.includes(name)) app.use(connectOf(name));
    }
    if (before.includes('raw-parser')) app.use(express4.raw({ type: everything }));
    if (before.includes('text-parser')) app.use(express4.text({ type: everything }));
    if (before.includes('keeping-parser'))
      app.use(express4.urlencoded({ type: everything, extended: false, verify: keep }));
    if (before.includes('forgetful-parser')) app.use(express4.urlencoded({ type: everything, extended: false }));
    const ours = cwmpProxy(proxy, options);
    if (mount === 'router') app.use('/isp', express4.Router().use('/cwmp', ours));
    else app.use(mount, ours);
    app.use((request, response) => void response.send(`app: ${request.method} ${request.originalUrl}`));
    // Express knows error handling by its four parameters.
    app.use((error: unknown, _request: express4.Request, response: express4.Response, _next: express4.NextFunction) => {
      onError(error);
      const { status, text } = answerTo(error);
      response.status(status).send(text);
    });
    return app;
  },
};
