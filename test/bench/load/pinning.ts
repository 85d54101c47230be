import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';

/** The proxy has a core of its own; whoever loads and answers it shares the other. */
export type Core = 'proxy' | 'load';

const cores: Readonly<Record<Core, number>> = { proxy: 0, load: 1 };

function works(): boolean {
  if (availableParallelism() < 2) return false;
  try {
    execFileSync('taskset', ['-p', String(process.pid)], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Whether processes can be kept on a core here: with `taskset` (util-linux) and two cores. */
export const canPin: boolean = works();

/** Keeps a process, all its threads, on a core; does nothing where that cannot be had. */
export function pin(pid: number, core: Core): void {
  if (!canPin) return;
  execFileSync('taskset', ['-a', '-c', '-p', String(cores[core]), String(pid)], { stdio: 'ignore' });
}

/** What is to be said of it in a report. */
export function pinningNote(): string {
  return canPin
    ? 'The proxy is kept on core 0, the load generator and the backend on core 1 (taskset).'
    : 'Not pinned: there is no taskset here, or only one core. Read the CPU times; throughput and latency are of little use.';
}
