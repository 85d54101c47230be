import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';

/** CPU time that a process has taken so far, user and system, all threads, in microseconds. */
export function cpuMicros(pid: number): number {
  return hasSchedulerAccount ? scheduledMicros(pid) : tickMicros(pid);
}

const hasSchedulerAccount =
  existsSync('/proc/self/schedstat') && !readFileSync('/proc/self/schedstat', 'latin1').startsWith('0 ');

/** The scheduler's own account, to the nanosecond; not every kernel keeps one. */
function scheduledMicros(pid: number): number {
  let nanos = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    nanos += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ')[0]);
  }
  return nanos / 1000;
}

function tickMicros(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // The second field is a name in parentheses that may hold anything; user and system time are the 14th and 15th.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

/** Memory of a process in bytes. */
export interface Memory {
  /** Resident now. */
  resident: number;
  /** Most that was resident since {@link resetPeak}. */
  peak: number;
}

/** Reads what memory a process holds and held. */
export function memoryOf(pid: number): Memory {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  const kilobytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0);
  return { resident: kilobytes('VmRSS') * 1024, peak: kilobytes('VmHWM') * 1024 };
}

/** Has the kernel forget the peak of a process's memory. */
export function resetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
}

/** How many descriptors this process, and those it starts, may have open; Node raises its own limit to the hard one. */
export function descriptorLimit(): number {
  const limits = readFileSync('/proc/self/limits', 'latin1');
  const hard = /^Max open files\s+\S+\s+(\S+)/m.exec(limits)?.[1];
  return hard === undefined || hard === 'unlimited' ? 1_000_000 : Number(hard);
}
