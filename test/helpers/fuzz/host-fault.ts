import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Random } from '../random.js';

/** What a host does with a response that it has handed to the proxy, or is about to. */
export type HostFault =
  /** Answers itself before the proxy gets the request, which it may get all the same. */
  | { kind: 'answers'; handsOn: boolean }
  /** Ends the response while the proxy has it. */
  | { kind: 'ends'; how: 'end' | 'head' | 'body' | 'destroy' | 'cut'; when: 'later' | 'at-first-write'; ms: number }
  /** A wrapper of the response throws. */
  | { kind: 'throws'; method: (typeof throwingMethods)[number]; from: number; always: boolean };

const throwingMethods = ['writeHead', 'write', 'end', 'appendHeader', 'removeHeader', 'getHeaderNames'] as const;

/** What a wrapper throws. */
export class HostFaultError extends Error {
  override name = 'HostFaultError';
}

/** A fault, for one request in ten times `rarity`; of a `bare` host also those that frameworks do not survive themselves. */
export function planHostFault(random: Random, rarity: number, bare: boolean): HostFault | undefined {
  if (!random.once(10 * rarity)) return undefined;
  switch (random.int(5)) {
    case 0:
      return { kind: 'answers', handsOn: bare && random.once(2) };
    case 1:
    case 2:
      return {
        kind: 'ends',
        how: random.pick(['end', 'head', 'body', 'destroy', 'cut']),
        when: random.pick(['later', 'at-first-write']),
        ms: random.int(30),
      };
    default:
      return {
        kind: 'throws',
        method: random.pick(throwingMethods),
        from: random.int(2),
        always: random.once(2),
      };
  }
}

/** Has a host commit a fault. Returns whether the request goes to the proxy all the same. */
export function commitFault(fault: HostFault, request: IncomingMessage, response: ServerResponse): boolean {
  if (fault.kind === 'answers') {
    response.end('host');
    return fault.handsOn;
  }
  if (fault.kind === 'throws') throwFrom(response, fault);
  else if (fault.when === 'later') setTimeout(() => end(fault.how, request, response), fault.ms);
  else atFirstWrite(response, () => setTimeout(() => end(fault.how, request, response), fault.ms));
  return true;
}

type Ending = Extract<HostFault, { kind: 'ends' }>['how'];

function end(how: Ending, request: IncomingMessage, response: ServerResponse): void {
  if (how === 'destroy') response.destroy();
  else if (how === 'cut') request.socket.destroy();
  else if (response.writableEnded || response.destroyed) return;
  else if (how === 'head' && !response.headersSent) response.writeHead(503, { 'Content-Length': 4 }).end('host');
  else response.end(how === 'body' ? 'host' : undefined);
}

function atFirstWrite(response: ServerResponse, then: () => void): void {
  const writeHead: unknown = Reflect.get(response, 'writeHead');
  let pending = true;
  Object.assign(response, {
    writeHead(...parameters: unknown[]): unknown {
      const written: unknown = callOn(response, writeHead, parameters);
      if (pending) then();
      pending = false;
      return written;
    },
  });
}

function throwFrom(response: ServerResponse, { method, from, always }: Extract<HostFault, { kind: 'throws' }>): void {
  const original: unknown = Reflect.get(response, method);
  let calls = 0;
  const wrapper = (...parameters: unknown[]): unknown => {
    calls += 1;
    if (calls === from + 1 || (always && calls > from)) throw new HostFaultError(`the host's ${method} throws`);
    return callOn(response, original, parameters);
  };
  Object.assign(response, { [method]: wrapper });
}

function callOn(response: ServerResponse, method: unknown, parameters: unknown[]): unknown {
  return typeof method === 'function' ? Reflect.apply(method, response, parameters) : undefined;
}
