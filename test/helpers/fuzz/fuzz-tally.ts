import { watchResources } from '../leaks.js';

/** What came of rounds. */
export interface FuzzTally {
  connections: number;
  requests: number;
  /** Requests that got the answer of their backend. */
  served: number;
  /** What was found, with the seed of its round. */
  findings: string[];
}

/** Adds one tally to another. */
export function addTally(total: FuzzTally, { connections, requests, served, findings }: FuzzTally): void {
  total.connections += connections;
  total.requests += requests;
  total.served += served;
  total.findings.push(...findings);
}

/** Plays a round, and finds what it leaves open. @param name Names the round in its findings, with its seed. */
export async function playRound(
  name: string,
  round: { play(): Promise<void>; readonly tally: FuzzTally },
): Promise<FuzzTally> {
  const left = watchResources();
  await round.play();
  const { tally } = round;
  const kinds = await left();
  const findings = kinds.length > 0 ? [...tally.findings, `left open: ${kinds.join(', ')}`] : tally.findings;
  return { ...tally, findings: findings.map((finding) => `${name}: ${finding}`) };
}
