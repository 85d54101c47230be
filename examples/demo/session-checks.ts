import type { AcsName } from './acs-habits.js';
import type { Observation } from './journal.js';
import { methodOf, urlIn } from './message.js';
import { findSteps, sessionSteps } from './steps.js';

/** The ConnectionRequestURL on both sides of the proxy. */
export interface UrlChange {
  readonly before: string;
  readonly after: string;
  /** How many bytes of the message stand around the URL. */
  readonly otherBytes: number;
  /** Whether those are the same on both sides. */
  readonly othersAreSame: boolean;
}

/** Reads the URL before and after from the two observations of one message. */
export function urlChange(observations: readonly Observation[], method: string): UrlChange | undefined {
  const seen = observations.filter(({ request, body }) => request !== undefined && methodOf(body) === method);
  const sent = seen.find(({ from }) => from === 'CPE');
  const received = seen.find(({ from }) => from === 'proxy');
  const before = sent && urlIn(sent.body);
  const after = received && urlIn(received.body);
  if (before === undefined || after === undefined) return undefined;
  return {
    before: before.url,
    after: after.url,
    otherBytes: before.before.length + before.after.length,
    othersAreSame: before.before === after.before && before.after === after.after,
  };
}

/** What is wrong with a session, as a sentence; `undefined` when all of it was observed as it has to be. */
export function sessionProblem(
  observations: readonly Observation[],
  serialNumber: string,
  landed: AcsName,
  publicUrl: string,
): string | undefined {
  const { missing } = findSteps(sessionSteps(serialNumber, landed), observations);
  if (missing !== undefined) return `${missing.name} was not observed`;
  for (const method of ['Inform', 'GetParameterValuesResponse']) {
    const problem = changeProblem(method, urlChange(observations, method), publicUrl);
    if (problem !== undefined) return problem;
  }
  const ofCpe = connections(observations, (seen) => seen.from === 'CPE' || seen.to === 'CPE');
  const ofAcs = connections(observations, (seen) => seen.from === landed || seen.to === landed);
  if (ofCpe !== 1) return `the CPE needed ${ofCpe} connections for its session`;
  if (ofAcs !== 1) return `the session came to ${landed} on ${ofAcs} connections`;
  return undefined;
}

function changeProblem(method: string, change: UrlChange | undefined, publicUrl: string): string | undefined {
  if (change === undefined) return `URL rewritten: no ConnectionRequestURL in the ${method}`;
  const { before, after } = change;
  if (!after.startsWith(`${publicUrl}/client?`) || new URL(after).searchParams.get('origin') !== before) {
    return `URL rewritten: the ACS was told ${after} in the ${method}`;
  }
  if (!change.othersAreSame) return `other bytes untouched: the ${method} was changed beside its URL`;
  return undefined;
}

function connections(observations: readonly Observation[], isOfPeer: (seen: Observation) => boolean): number {
  return new Set(observations.filter(isOfPeer).map(({ connection }) => connection)).size;
}
