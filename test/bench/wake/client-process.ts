// One client in a process of its own: warms up, wakes, tells what it cost. Arguments: client, port, wakes, at once.
import { clients } from './clients.js';

const [name = '', port = '', wakes = '', atOnce = ''] = process.argv.slice(2);
const make = clients[name];
if (make === undefined) throw new Error(`no such client: ${name}`);
const client = await make(Number(atOnce));

/** The CPE of a wake: a thousand loopback addresses in turn. */
const hostOf = (index: number): string =>
  `127.${1 + (index % 4)}.${1 + ((index >> 2) % 25)}.${1 + (Math.floor(index / 100) % 10)}`;

async function run(count: number): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      const index = next;
      next += 1;
      await client(hostOf(index), Number(port));
    }
  };
  await Promise.all(Array.from({ length: Math.min(count, Number(atOnce)) }, worker));
}

await run(Math.min(1000, Number(wakes)));
const cpu = process.cpuUsage();
const since = performance.now();
await run(Number(wakes));
const { user, system } = process.cpuUsage(cpu);
const seconds = (performance.now() - since) / 1000;
const { maxRSS } = process.resourceUsage();
process.send?.({
  cpuMicros: (user + system) / Number(wakes),
  perSecond: Number(wakes) / seconds,
  peakMb: maxRSS / 1024,
});
process.disconnect?.();
process.exit();
