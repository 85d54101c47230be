import { Socket } from 'node:net';
import type { TestContext } from 'node:test';

/** Where a connection is to go. */
export interface Destination {
  host: string;
  port: number;
}

/** The system's code that a connection fails with; several for one that was tried with several addresses. */
export type ConnectFault = string | readonly string[] | undefined;

/** Has connections of this process fail as the system would make them fail, for the length of one test. */
export function failConnects(t: TestContext, faultOf: (to: Destination) => ConnectFault): void {
  const connect: unknown = Reflect.get(Socket.prototype, 'connect');
  if (typeof connect !== 'function') throw new TypeError('no function');
  t.mock.method(Socket.prototype, 'connect', function fake(this: Socket, ...args: unknown[]): unknown {
    // `net.connect` hands its arguments over as one list, `tls.connect` its options.
    const [options]: unknown[] = Array.isArray(args[0]) ? args[0] : args;
    const fault = isDestination(options) ? faultOf({ host: options.host, port: Number(options.port) }) : undefined;
    return fault === undefined ? Reflect.apply(connect, this, args) : this.destroy(connectError(fault));
  });
}

/** The error of Node for this code. */
export function connectError(fault: string | readonly string[]): Error {
  if (typeof fault !== 'string') {
    const errors = fault.map((one) => connectError(one));
    return Object.assign(new AggregateError(errors), { code: fault[0] });
  }
  return Object.assign(new Error(`connect ${fault}`), { code: fault, syscall: 'connect' });
}

function isDestination(options: unknown): options is { host: string; port: unknown } {
  return typeof options === 'object' && options !== null && 'host' in options && typeof options.host === 'string';
}
