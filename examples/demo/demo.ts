import { offerToTry } from './by-hand.js';
import type { Paint } from './paint.js';
import { type Print, runDemo, StepFailure } from './run-demo.js';
import { type CpeFault, type StartGateway, startWorld } from './world.js';

/** How the demo is run. */
export interface DemoOptions {
  readonly startGateway: StartGateway;
  readonly print: Print;
  readonly paint: Paint;
  /** Leave everything running, print commands to try, and wait for this to settle. */
  readonly keepUntil?: () => Promise<unknown>;
  /** Let every CPE misbehave: to see the demo fail as it should. */
  readonly fault?: CpeFault;
}

/** The longest that the demo runs without `--keep`, in milliseconds. It needs about a second. */
const timeoutMs = 20_000;

/** Runs the demo from start to end. Resolves to its exit status: 0 when each step was observed, otherwise 1. */
export async function demo({ startGateway, print, paint, keepUntil, fault }: DemoOptions): Promise<0 | 1> {
  const startedAt = performance.now();
  const world = await startWorld(startGateway, fault);
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise<never>((_resolve, reject) => {
    const error = new StepFailure(`the demo was not over after ${timeoutMs / 1000} s`);
    timer = setTimeout(() => reject(error), timeoutMs);
  });
  try {
    await Promise.race([runDemo(world, print, paint), tooLong]);
    clearTimeout(timer);
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    print('');
    print(paint('success', `✓ Every step was observed, in ${seconds} s.`));
    if (keepUntil !== undefined) {
      // Listens before it says so: whoever reads the last line may press Ctrl-C at once.
      const end = keepUntil();
      offerToTry(world, print, paint);
      await end;
    }
    return 0;
  } catch (error) {
    if (!(error instanceof StepFailure)) throw error;
    print('');
    print(paint('fault', `✗ ${error.message}`));
    return 1;
  } finally {
    clearTimeout(timer);
    await world.close();
  }
}
