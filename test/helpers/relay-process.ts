import { once } from 'node:events';
import { createServer } from 'node:http';
import process from 'node:process';
import { writeHeapSnapshot } from 'node:v8';
import { type ConnectionRequestOptions, createCwmpProxy, type CwmpProxy } from '@cwmp-proxy/core';
import { createProxiedUrls } from '#core/url/proxied-url.js';
import { addressOf } from './serve.js';

// A proxy in a process of its own, which shows all that it has in memory.
const kept: CwmpProxy[] = [];
process.on('message', (message: { options?: ConnectionRequestOptions; origin?: string; file?: string }) => {
  const { options, origin, file } = message;
  if (file !== undefined) process.send?.({ file: writeHeapSnapshot(file) });
  if (options !== undefined && origin !== undefined) void start(options, origin);
});

async function start(connectionRequests: ConnectionRequestOptions, origin: string): Promise<void> {
  const server = createServer((request, response) => void kept[0]?.handle(request, response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = addressOf(server);
  const publicUrl = `http://127.0.0.1:${port}`;
  kept.push(createCwmpProxy({ publicUrl, backends: ['http://127.0.0.1:1'], connectionRequests }));
  process.send?.({ url: createProxiedUrls({ publicUrl, ...connectionRequests.urls }).build(origin), port });
}
