import { type AcsName, acsHabits } from './acs-habits.js';
import type { Cpe } from './cpe.js';
import { runSession, runWake } from './journeys.js';
import { ladderGap, ladderHead, ladderRow, ladderRows } from './ladder.js';
import { legend, type Paint } from './paint.js';
import { sessionProblem, urlChange } from './session-checks.js';
import { findSteps, landingOf, wakeSteps } from './steps.js';
import type { World } from './world.js';

/** Writes one line of the demo. */
export type Print = (line: string) => void;

/** The first step that was not observed as it has to be. */
export class StepFailure extends Error {}

const order: readonly AcsName[] = ['ACS-1', 'ACS-2', 'ACS-3'];
const firstEvents = [['1 BOOT'], ['2 PERIODIC'], ['4 VALUE CHANGE'], ['0 BOOTSTRAP', '1 BOOT']];

/**
 * Runs both journeys and draws what was observed of them.
 *
 * @throws {@link StepFailure} naming the first step that was not observed.
 */
export async function runDemo(world: World, print: Print, paint: Paint): Promise<void> {
  introduce(world, print, paint);
  const landings = await runSessions(world, print, paint);
  await runWakes(world, landings, print, paint);
}

function introduce({ gateway, acss, cpes }: World, print: Print, paint: Paint): void {
  print(
    paint('title', `cwmp-proxy demo: ${cpes.length} CPEs, one gateway, ${acss.length} ACSs, real HTTP on loopback`),
  );
  print('');
  print(`  proxy  ${gateway.publicUrl}  an Express app with @cwmp-proxy/express`);
  for (const { name, url } of acss) print(`  ${name}  ${url}  behaves like ${acsHabits[name].like}`);
  print('');
  for (const line of legend(paint)) print(`  ${line}`);
}

/** Journey 1: each CPE holds a session; each session lands on the next ACS in turn and stays there. */
async function runSessions(world: World, print: Print, paint: Paint): Promise<Map<Cpe, AcsName>> {
  print('');
  print(paint('title', 'Journey 1, CPE → ACS: each session lands on the next ACS in turn, and stays there'));
  const landings = new Map<Cpe, AcsName>();
  const connections = new Set<string>();
  let expected: AcsName | undefined;
  for (const [index, cpe] of world.cpes.entries()) {
    const { name, quirks, serialNumber, root } = cpe.model;
    const session = `session ${index + 1} (${name})`;
    print('');
    print(`${paint('title', `Session ${index + 1}: ${name}`)}, data model ${root.slice(0, -1)}`);
    print(paint('faint', `      ${quirks}`));
    // One session after the other: the ladder has one CPE column, and turns can be told.
    const { observations, problem } = await runSession(
      world,
      cpe,
      firstEvents[index % firstEvents.length] ?? ['1 BOOT'],
    );
    print(ladderHead(paint));
    for (const row of ladderRows(observations)) print(ladderRow(row, paint));
    const change = urlChange(observations, 'Inform');
    if (change !== undefined) {
      print(`      URL before  ${paint('before', change.before)}`);
      print(`      URL after   ${paint('after', change.after)}`);
      if (change.othersAreSame)
        print(paint('faint', `      the other ${change.otherBytes} bytes of the Inform as they came`));
    }

    const landed = landingOf(observations, serialNumber);
    if (landed === undefined)
      throw new StepFailure(`${session}: proxy → ACS: Inform was not observed${because(problem)}`);
    const fault = sessionProblem(observations, serialNumber, landed, world.gateway.publicUrl);
    if (fault !== undefined) throw new StepFailure(`${session}: ${fault}${because(problem)}`);
    if (expected !== undefined && landed !== expected) {
      throw new StepFailure(`${session}: landing in turn was not observed: it came to ${landed}, not ${expected}`);
    }
    for (const connection of new Set(observations.map((seen) => seen.connection))) {
      if (connections.has(connection)) throw new StepFailure(`${session}: it shares the connection ${connection}`);
      connections.add(connection);
    }
    expected = order[(order.indexOf(landed) + 1) % order.length];
    landings.set(cpe, landed);
  }
  return landings;
}

/** Journey 2: each CPE is woken by the ACS that had its session; the first wake is drawn whole. */
async function runWakes(world: World, landings: ReadonlyMap<Cpe, AcsName>, print: Print, paint: Paint): Promise<void> {
  for (const [cpe, acsName] of landings) {
    const acs = world.acss.find(({ name }) => name === acsName);
    if (acs === undefined) continue;
    const { name, serialNumber } = cpe.model;
    const isFirst = cpe === world.cpes[0];
    const { observations, problem } = await runWake(world, acs, cpe);
    const { byNumber, missing } = findSteps(wakeSteps(serialNumber, acsName), observations);
    if (isFirst || missing !== undefined) {
      print('');
      print(paint('title', `Journey 2, ACS → CPE: ${acsName} wakes the ${name}`));
      print(`      ${acsName} was told  ${paint('after', acs.connectionRequestUrls.get(serialNumber) ?? 'no URL')}`);
      print('');
      print(ladderHead(paint));
      const numbers = new Map([...byNumber].map(([number, observation]) => [observation, number]));
      const last = Math.max(-1, ...[...byNumber.values()].map((seen) => observations.indexOf(seen)));
      for (const observation of observations.slice(0, last + 1)) {
        print(ladderRow([observation], paint, numbers.get(observation)));
      }
      const rest = observations.slice(last + 1);
      if (rest.length > 0) print(ladderGap(paint));
      for (const row of ladderRows(rest)) print(ladderRow(row, paint));
    }
    if (missing !== undefined) {
      throw new StepFailure(
        `wake of ${name}: step ${missing.number} was not observed: ${missing.name}${because(problem)}`,
      );
    }
    if (problem !== undefined) throw new StepFailure(`wake of ${name}: after its ten steps ${problem}`);
    if (isFirst) {
      print('');
      print(paint('title', 'The other CPEs, woken in the same ten steps'));
    } else {
      const digits = [...byNumber.values()].flatMap(({ status }) => (status === undefined ? [] : [String(status)]));
      const landed = landingOf(observations, serialNumber) ?? '';
      print(
        `  ${acsName} wakes ${name.padEnd(24)} ${paint('success', `${byNumber.size} of 10 steps`)}  ${digits.join(' ')}  Inform 6 CONNECTION REQUEST → ${landed}`,
      );
    }
  }
}

function because(problem: string | undefined): string {
  return problem === undefined ? '' : ` (${problem})`;
}
