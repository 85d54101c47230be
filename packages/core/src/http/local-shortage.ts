import { closeSync, openSync } from 'node:fs';
import { devNull } from 'node:os';

/**
 * Something that this machine lacks, which says nothing about the peer that could not be connected to.
 *
 * - `machine`: it is lacked whoever is asked next.
 * - `peer`: it is lacked for this one address or name; another one may still be reached.
 */
export interface LocalShortage {
  /** The system's code: `EMFILE` for instance. */
  readonly code: string;
  readonly of: 'machine' | 'peer';
  /** Which limit was met, and what to do about it. */
  readonly advice: string;
}

const memory = 'the machine has no memory left; give it more, or lower limits.maxSessions';

const shortages: ReadonlyMap<string, LocalShortage> = new Map(
  (
    [
      ['EMFILE', 'machine', 'the process has as many open files as it may; raise ulimit -n (systemd: LimitNOFILE)'],
      ['ENFILE', 'machine', 'the system has as many open files as it may; raise fs.file-max'],
      [
        'ENOBUFS',
        'machine',
        'the kernel has no buffers for another socket; raise net.core.*mem_max and net.ipv4.tcp_mem',
      ],
      ['ENOMEM', 'machine', memory],
      ['EAI_MEMORY', 'machine', memory],
      [
        'EADDRNOTAVAIL',
        'peer',
        'no local port is left for this address; widen net.ipv4.ip_local_port_range, or add addresses of backends',
      ],
      ['EAGAIN', 'peer', 'the kernel has no local port or route entry left; widen net.ipv4.ip_local_port_range'],
      ['ELOOKUP', 'peer', 'the function of the option lookup fails; the warning LOOKUP tells how'],
      ['EAI_AGAIN', 'peer', 'the name server does not answer; check it, or write addresses instead of names'],
    ] as const
  ).map(([code, of, advice]) => [code, { code, of, advice }]),
);

/** The shortage that a system's code tells of; `undefined` for what the peer, or the way to it, is to blame for. */
export function shortageOfCode(code: unknown): LocalShortage | undefined {
  return typeof code === 'string' ? shortages.get(code) : undefined;
}

/**
 * The shortage that an error tells of, itself or by its causes; to be asked as soon as the error is known. Of several addresses
 * that were tried in vain, one that lacked what every address needs is enough; what is lacked for one address counts only where no
 * other failed of its own.
 */
export function localShortage(error: unknown): LocalShortage | undefined {
  const found = rootsOf(error, maxDepth).map(shortageOf);
  return found.find((one) => one?.of === 'machine') ?? (found.includes(undefined) ? undefined : found[0]);
}

/** How far the causes of causes are followed. */
const maxDepth = 4;

/** What is looked at of an error. */
interface Root {
  code?: unknown;
  syscall?: unknown;
  message?: unknown;
}

/** The errors behind an error, those of each address (an AggregateError) one by one. */
function rootsOf(error: unknown, depth: number): Root[] {
  if (typeof error !== 'object' || error === null) return [];
  if (depth > 0 && 'errors' in error && Array.isArray(error.errors) && error.errors.length > 0) {
    return error.errors.flatMap((one) => rootsOf(one, depth - 1));
  }
  if ('code' in error && shortageOfCode(error.code) !== undefined) return [error];
  const causes = depth > 0 && 'cause' in error ? rootsOf(error.cause, depth - 1) : [];
  return causes.length > 0 ? causes : [error];
}

function shortageOf({ code, syscall, message }: Root): LocalShortage | undefined {
  // Of a thread that could not be started Node tells the system's code in the message only.
  if (code === 'ERR_WORKER_INIT_FAILED') return shortageOfCode(/\bE[A-Z]+$/.exec(String(message))?.[0]);
  // Without a descriptor the resolver cannot read its files: then it says that there is no such name, or any other thing.
  return (syscall === 'getaddrinfo' ? shortageOfCode(missingDescriptor()) : undefined) ?? shortageOfCode(code);
}

/** Why no file can be opened, if so. */
function missingDescriptor(): unknown {
  try {
    closeSync(openSync(devNull, 'r'));
    return undefined;
  } catch (error) {
    return error instanceof Error && 'code' in error ? error.code : undefined;
  }
}
