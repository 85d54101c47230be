import type { Acs } from './acs.js';
import { requestConnection } from './acs-wake.js';
import type { Cpe } from './cpe.js';
import type { Observation } from './journal.js';
import type { World } from './world.js';

/** How long a woken CPE may take until its session is over, in milliseconds. */
const wakeTimeoutMs = 2_000;

/** What was observed of a journey. */
export interface Journey {
  readonly observations: readonly Observation[];
  /** What the peer that started it says went wrong. */
  readonly problem: string | undefined;
}

/** Journey 1, CPE → ACS: the CPE holds one session to its end. */
export async function runSession({ journal }: World, cpe: Cpe, events: readonly string[]): Promise<Journey> {
  let problem: string | undefined;
  const observations = await journal.during(async () => {
    try {
      await cpe.runSession(events);
    } catch (error) {
      problem = textOf(error);
    }
  });
  return { observations, problem };
}

/** Journey 2, ACS → CPE: the ACS asks the proxy to wake the CPE, which then opens a session. */
export async function runWake({ journal, acsUser }: World, acs: Acs, cpe: Cpe): Promise<Journey> {
  const { serialNumber } = cpe.model;
  const url = acs.connectionRequestUrls.get(serialNumber);
  if (url === undefined) return { observations: [], problem: `${acs.name} was never told its ConnectionRequestURL` };
  let problem: string | undefined;
  const observations = await journal.during(async () => {
    const isOver = (seen: Observation): boolean =>
      seen.to === 'CPE' && seen.status === 204 && seen.serialNumber === serialNumber;
    const sessionIsOver = journal.waitFor(isOver, wakeTimeoutMs);
    try {
      const status = await requestConnection({ acs: acs.name, url, user: acsUser, journal });
      if (status !== 200 && status !== 204) problem = `${acs.name} was answered ${status}`;
      else if (!(await sessionIsOver)) problem = cpe.problem ?? 'the CPE held no session to its end';
    } catch (error) {
      problem = textOf(error);
    }
  });
  return { observations, problem };
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
