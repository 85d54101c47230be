import { closeSync, openSync } from 'node:fs';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { devNull } from 'node:os';
import process from 'node:process';
import { type ConnectionRequestOptions, createCwmpProxy, type CwmpProxy } from '@cwmp-proxy/core';
import { requiredOptions } from './gateway.js';
import { addressOf } from './serve.js';

/** What the process is told. */
export interface DescriptorOrder {
  /** Starts a proxy in front of these; answered with its port. */
  backends?: string[];
  /** Its `connectionRequests`, if others than those of all tests. */
  connectionRequests?: ConnectionRequestOptions;
  /** Takes all descriptors of the process but so many; answered with how many it took. */
  leave?: number;
}

/** What it answers. */
export interface DescriptorAnswer {
  port?: number;
  taken?: number;
  /** The states and failures of the backends, and the codes of the warnings so far. */
  backends: string[];
  warnings: string[];
}

// A proxy in a process of its own, which can run out of descriptors.
const taken: number[] = [];
const warnings: string[] = [];
let proxy: CwmpProxy | undefined;

process.on('message', (order: DescriptorOrder) => void obey(order));

async function obey({ backends, connectionRequests, leave }: DescriptorOrder): Promise<void> {
  const answer: DescriptorAnswer = { backends: [], warnings };
  if (backends !== undefined) answer.port = await start(backends, connectionRequests);
  if (leave !== undefined) {
    for (const descriptor of taken.splice(0)) closeSync(descriptor);
    takeAll();
    for (const descriptor of taken.splice(0, leave)) closeSync(descriptor);
    answer.taken = taken.length;
  }
  answer.backends = proxy?.backends.list().map(({ state, failures }) => `${state} ${failures}`) ?? [];
  process.send?.(answer);
}

function takeAll(): void {
  try {
    for (;;) taken.push(openSync(devNull, 'r'));
  } catch {
    // None is left.
  }
}

async function start(backends: string[], connectionRequests = requiredOptions.connectionRequests): Promise<number> {
  const made = createCwmpProxy({ ...requiredOptions, connectionRequests, backends });
  proxy = made;
  made.on('warning', ({ code }) => warnings.push(code));
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => void made.handle(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return addressOf(server).port;
}
