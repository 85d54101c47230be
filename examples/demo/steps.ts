import type { AcsName } from './acs-habits.js';
import type { Observation, Party } from './journal.js';
import { eventsOf, methodOf, serialNumberOf } from './message.js';

/** One step that has to be seen, and how to tell it when it is. */
export interface Step {
  readonly number: number;
  /** For instance `CPE → proxy: 401 Digest`. */
  readonly name: string;
  /** The number of the step that it comes after; steps with the same predecessor may come in either order. */
  readonly after: number;
  readonly matches: (observation: Observation) => boolean;
}

/** What was found of a list of steps. */
export interface StepsFound {
  readonly byNumber: ReadonlyMap<number, Observation>;
  /** The first step that was not observed. */
  readonly missing: Step | undefined;
}

/** The six messages of a CPE's session, each seen at both ends, all of them at the ACS that saw the Inform. */
export function sessionSteps(serialNumber: string, acs: AcsName): Step[] {
  const messages: [what: string, goesUp: boolean, matches: (observation: Observation) => boolean][] = [
    ['Inform', true, (seen) => isInform(seen, serialNumber)],
    ['200 InformResponse', false, (seen) => seen.status === 200 && methodOf(seen.body) === 'InformResponse'],
    ['empty POST', true, (seen) => seen.request?.method === 'POST' && seen.body.length === 0],
    ['200 GetParameterValues', false, (seen) => seen.status === 200 && methodOf(seen.body) === 'GetParameterValues'],
    ['GetParameterValuesResponse', true, (seen) => methodOf(seen.body) === 'GetParameterValuesResponse'],
    ['204', false, (seen) => seen.status === 204 && seen.body.length === 0],
  ];
  return messages.flatMap(([what, goesUp, matches], index) => {
    const [first, last]: [Party, Party] = goesUp ? ['CPE', acs] : [acs, 'CPE'];
    const number = index * 2 + 1;
    return [step(number, first, 'proxy', what, matches), step(number + 1, 'proxy', last, what, matches)];
  });
}

/** The ten steps of a wake-up, from the ACS's first GET to the Inform that answers it. */
export function wakeSteps(serialNumber: string, acs: AcsName): Step[] {
  const isGet = (scheme: string | undefined) => (seen: Observation) =>
    seen.request?.method === 'GET' && seen.schemes[0] === scheme;
  const isGetOfClient = (scheme: string | undefined) => (seen: Observation) =>
    isGet(scheme)(seen) && /\/client\?(?:[^?]*&)?origin=/.test(seen.request?.target ?? '');
  const isChallenge = (scheme: string) => (seen: Observation) => seen.status === 401 && seen.schemes.includes(scheme);
  const isWakeInform = (seen: Observation): boolean =>
    isInform(seen, serialNumber) && eventsOf(seen.body).includes('6 CONNECTION REQUEST');
  return [
    step(1, acs, 'proxy', 'GET /client?origin=…', isGetOfClient(undefined)),
    step(2, 'proxy', acs, '401 Basic', isChallenge('Basic')),
    step(3, acs, 'proxy', 'GET /client?origin=… with Basic', isGetOfClient('Basic')),
    step(4, 'proxy', 'CPE', 'GET', isGet(undefined)),
    step(5, 'CPE', 'proxy', '401 Digest', isChallenge('Digest')),
    step(6, 'proxy', 'CPE', 'GET with Digest', isGet('Digest')),
    step(7, 'CPE', 'proxy', '200', (seen) => seen.status === 200),
    step(8, 'proxy', acs, '200', (seen) => seen.status === 200),
    // The CPE may open its session before the ACS has read its 200.
    { ...step(9, 'CPE', 'proxy', 'Inform 6 CONNECTION REQUEST', isWakeInform), after: 7 },
    // The new session is at whichever ACS is next in turn.
    {
      ...step(10, 'proxy', acs, 'Inform 6 CONNECTION REQUEST', isWakeInform),
      name: 'proxy → ACS: Inform 6 CONNECTION REQUEST',
      matches: (seen) => seen.from === 'proxy' && seen.to !== 'CPE' && isWakeInform(seen),
    },
  ];
}

/** Looks for each step among what was observed after the step that it follows. */
export function findSteps(steps: readonly Step[], observations: readonly Observation[]): StepsFound {
  const places = new Map([[0, -1]]);
  const byNumber = new Map<number, Observation>();
  for (const step of steps) {
    const start = places.get(step.after);
    if (start === undefined) continue;
    const place = observations.findIndex((observation, index) => index > start && step.matches(observation));
    const observation = observations[place];
    if (observation === undefined) continue;
    places.set(step.number, place);
    byNumber.set(step.number, observation);
  }
  return { byNumber, missing: steps.find(({ number }) => !byNumber.has(number)) };
}

/** Which ACS took the CPE's session, by the Inform that it received. */
export function landingOf(observations: readonly Observation[], serialNumber: string): AcsName | undefined {
  const acss: AcsName[] = ['ACS-1', 'ACS-2', 'ACS-3'];
  const landed = observations.find(
    (seen) => seen.from === 'proxy' && seen.to !== 'CPE' && isInform(seen, serialNumber),
  );
  return acss.find((acs) => acs === landed?.to);
}

function step(
  number: number,
  from: Party,
  to: Party,
  what: string,
  matches: (observation: Observation) => boolean,
): Step {
  return {
    number,
    name: `${from} → ${to}: ${what}`,
    after: number - 1,
    matches: (seen) => seen.from === from && seen.to === to && matches(seen),
  };
}

function isInform({ request, body }: Observation, serialNumber: string): boolean {
  return request?.method === 'POST' && methodOf(body) === 'Inform' && serialNumberOf(body) === serialNumber;
}
