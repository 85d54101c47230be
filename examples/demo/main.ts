import { parseArgs } from 'node:util';
import { demo } from './demo.js';
import { startGateway } from './gateway.js';
import { createPaint } from './paint.js';

const usage = `Usage: npm run demo [-- --keep]

  --keep   leave everything running afterwards and print curl commands to try; Ctrl-C ends it
  --help   print this`;

interface Arguments {
  readonly keep: boolean;
  readonly help: boolean;
}

function readArguments(): Arguments | undefined {
  try {
    const { values } = parseArgs({ options: { keep: { type: 'boolean' }, help: { type: 'boolean' } } });
    return { keep: values.keep ?? false, help: values.help ?? false };
  } catch {
    return undefined;
  }
}

/** Settles at the first Ctrl-C; the second one ends the process at once, as always. */
function ctrlC(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGINT', () => resolve());
    process.once('SIGTERM', () => resolve());
  });
}

async function main(): Promise<number> {
  const given = readArguments();
  if (given === undefined) {
    console.error(usage);
    return 2;
  }
  if (given.help) {
    console.log(usage);
    return 0;
  }
  const { NO_COLOR, TERM } = process.env;
  return demo({
    startGateway,
    print: (line) => console.log(line),
    paint: createPaint(process.stdout.isTTY && !NO_COLOR && TERM !== 'dumb'),
    ...(given.keep ? { keepUntil: ctrlC } : {}),
  });
}

// A reader that has left (`| head`) will not see every step.
process.stdout.on('error', () => process.exit(1));
process.exitCode = await main();
