import { shortageOfCode } from '../../http/local-shortage.js';
import type { WakePolicy } from '../../policy/target-policy.js';
import { CpeConnection, type Failure, type WakeTls, type OpenConnections } from './cpe-connection.js';
import { isAllowed, type Origin } from '../cpe-url.js';
import type { WakeRecord } from '../record.js';

/** How a CPE is dialled. */
export interface DialSettings {
  readonly origin: Origin;
  /** Asked before each connection. */
  readonly policy: WakePolicy | undefined;
  readonly tls: WakeTls | undefined;
  /** All connections that are open. */
  readonly connections: OpenConnections;
  readonly record: WakeRecord;
  /** Milliseconds left for all that is still to be done. Asked again when they are over: there may be more by then. */
  readonly timeLeft: () => number;
  /** Called before an address that is not the first is turned to. Resolves when it may be. */
  readonly onNext: (address: string) => Promise<void>;
  /** Called then. */
  readonly onAsk: (() => void) | undefined;
  /** Told of each connection as it begins. */
  readonly onConnection: (connection: CpeConnection) => void;
  /** Whether no further address is to be tried. */
  readonly isStopped: () => boolean;
}

/**
 * Connects to the first of these addresses that can be reached, and resolves with it; else with how the last one failed, one
 * that this machine lacked a port for coming behind those that failed of their own. One that is silent costs its even share of
 * the time only, so that the others come to their turn. Where this machine could connect to none, no further one is tried.
 */
export async function dial(addresses: readonly string[], settings: DialSettings): Promise<CpeConnection | Failure> {
  const { origin, policy, tls, connections, record } = settings;
  let failure: Failure | undefined;
  for (const [index, address] of addresses.entries()) {
    if (settings.isStopped()) break;
    if (index > 0) {
      await settings.onNext(address);
      if (settings.isStopped()) break;
      settings.onAsk?.();
    }
    record.begin('connect');
    if (isAllowed(policy, origin, address)) {
      record.address = address;
      const connection = new CpeConnection(origin, address, tls, connections);
      settings.onConnection(connection);
      const stillToTry = addresses.length - index;
      const share = stillToTry === 1 ? undefined : settings.timeLeft() / stillToTry;
      const failed = await openWithin(connection, share);
      record.end(failed);
      if (failed === undefined) return connection;
      const shortage = shortageOfCode(failed.error);
      if (failure === undefined || shortage?.of !== 'peer') failure = { error: failed.error, unreached: true };
      if (shortage?.of === 'machine') return failure;
    } else {
      failure = { error: 'forbidden', unreached: true };
      record.end(failure);
    }
  }
  return failure ?? { error: 'ENOTFOUND', unreached: true };
}

async function openWithin(connection: CpeConnection, ms: number | undefined): Promise<Failure | undefined> {
  if (ms === undefined) return connection.open();
  const timer = setTimeout(() => connection.stop('ETIMEDOUT'), ms).unref();
  const failure = await connection.open();
  clearTimeout(timer);
  return failure;
}
