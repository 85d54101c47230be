// Wakes a fleet of which a share is dead, in a process of its own. Argument: a FleetRun in JSON. Tells a FleetOutcome.
import type { FleetOutcome, FleetRun } from './dead-share.js';
import { Wakes } from '#core/connection-request/wake/wakes.js';

const given: unknown = JSON.parse(process.argv[2] ?? '{}');

function isRun(value: unknown): value is FleetRun {
  return typeof value === 'object' && value !== null && 'wakes' in value;
}

if (!isRun(given)) throw new Error('no run was given');
const { wakes, deadOfThree, oneNetwork, ports, perSecond } = given;
const pipeline = new Wakes({ credentials: { username: 'acs', password: 'secret' }, timeoutMs: 1_800 });

const isDead = (index: number): boolean => (index * 7) % 3 < deadOfThree;

function urlOf(index: number): string {
  const host = oneNetwork
    ? `127.77.7.${1 + (index % 250)}`
    : `127.${1 + (index % 4)}.${1 + ((index >> 2) % 50)}.${1 + (index % 200)}`;
  const [deaf = 0, silent = 0, challenging = 0] = ports.dead;
  const port = isDead(index) ? [deaf, silent, challenging][Math.floor(index / 3) % 3] : ports.live;
  // The path makes each a CPE of its own.
  return `http://${host}:${port}/${index}`;
}

async function wake(index: number): Promise<{ index: number; ms: number } | undefined> {
  const { outcome, ms } = await pipeline.wake(urlOf(index));
  return outcome === 'accepted' ? { index, ms } : undefined;
}

async function warmUp(): Promise<void> {
  for (let index = 0; index < 300; index += 1) {
    const { outcome } = await pipeline.wake(`http://127.200.${index % 100}.${1 + (index % 3)}:${ports.live}/${index}`);
    if (outcome !== 'accepted') throw new Error(outcome);
  }
}

await warmUp();
const running: Promise<{ index: number; ms: number } | undefined>[] = [];
const since = performance.now();
for (let index = 0; index < wakes; index += 1) {
  running.push(wake(index));
  if (perSecond === undefined) continue;
  const aheadMs = (1_000 * (index + 1)) / perSecond - (performance.now() - since);
  if (aheadMs > 1) await new Promise((resolve) => setTimeout(resolve, aheadMs));
}
const woken = (await Promise.all(running)).filter((one) => one !== undefined);
const live = woken.filter(({ index }) => !isDead(index));
const outcome: FleetOutcome = {
  woken: live.map(({ index }) => index),
  medianMs: live.map(({ ms }) => ms).toSorted((a, b) => a - b)[live.length >> 1] ?? Number.NaN,
};
process.send?.(outcome, () => process.exit());
