import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { demo } from '../examples/demo/demo.js';
import { startGateway } from '../examples/demo/gateway.js';
import { closeServer, listen } from '../examples/demo/loopback.js';
import { createPaint } from '../examples/demo/paint.js';
import type { CpeFault, StartGateway } from '../examples/demo/world.js';

const main = fileURLToPath(new URL('../examples/demo/main.js', import.meta.url));

test('the demo as a program draws the ten steps of the wake without colour and exits 0', async () => {
  const { status, output } = await runProgram();
  assert.equal(status, 0, output);
  assert.ok(!output.includes('\u001B'), 'no escape codes under NO_COLOR');
  const steps = [...output.matchAll(/^ ?(\d+) {4}[│ ]/gm)].map(([, number]) => Number(number));
  assert.deepEqual(
    steps.toSorted((a, b) => a - b),
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
  );
  assert.match(output, /^ 2 .*401 Basic.*▶/m);
  assert.match(output, /^ 5 .*401 Digest.*▶/m);
  assert.match(output, /^10 .*Inform 6 CONNECTION REQUEST.*▶/m);
  assert.match(output, /URL after {3}http:\/\/127\.0\.0\.1:\d+\/client\?origin=http:\/\/127\.0\.0\.1:\d+\/\w+$/m);
  for (const line of output.split('\n')) assert.ok(line.length <= 110, line);
});

test('the demo refuses a flag that it does not know, with its usage and status 2', async () => {
  const { status, output } = await runProgram('--fast');
  assert.equal(status, 2);
  assert.match(output, /^Usage: npm run demo/);
});

test('the demo with --keep goes on until Ctrl-C and then exits 0', async (t) => {
  const child = spawn(process.execPath, [main, '--keep'], { env: { ...process.env, NO_COLOR: '1' } });
  t.after(() => child.kill('SIGKILL'));
  const closed = once(child, 'close');
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    output += part;
    // Once: a second Ctrl-C would end it by the signal.
    if (output.includes('Ctrl-C ends it') && !child.killed) child.kill('SIGINT');
  });
  const [status] = await closed;
  assert.equal(status, 0, output);
  assert.match(output, /^curl -gi -u \S+ 'http:\/\/127\.0\.0\.1:\d+\/client\?origin=/m);
});

const failures: { name: string; startGateway: StartGateway; fault?: CpeFault; expect: RegExp }[] = [
  {
    name: 'a CPE refuses the password',
    startGateway,
    fault: 'wrong-password',
    expect: /✗ wake of .*: step 7 was not observed: CPE → proxy: 200/,
  },
  {
    name: 'a CPE never informs',
    startGateway,
    fault: 'never-informs',
    expect: /✗ wake of .*: step [89] was not observed: (CPE → proxy: Inform 6 CONNECTION REQUEST|proxy → ACS-1: 200)/,
  },
  {
    name: 'the gateway does not rewrite the URL',
    startGateway: (options) => startRelay(options.backends.slice(0, 1)),
    expect: /✗ session 1 \(.*\): URL rewritten: the ACS was told http:/,
  },
  {
    name: 'the gateway spreads one session over the ACSs',
    startGateway: (options) => startRelay(options.backends),
    expect: /✗ session 1 \(.*\): proxy → ACS-1: empty POST was not observed \(the ACS answered 400\)/,
  },
];

for (const { name, startGateway: start, fault, expect } of failures) {
  test(`the demo exits 1 and names the step when ${name}`, async () => {
    const lines: string[] = [];
    const status = await demo({
      startGateway: start,
      print: (line) => lines.push(line),
      paint: createPaint(false),
      ...(fault === undefined ? {} : { fault }),
    });
    assert.equal(status, 1);
    assert.match(lines.at(-1) ?? '', expect);
  });
}

/** A plain relay: each POST goes to the next backend, as it came. */
const startRelay = async (backends: readonly string[]): ReturnType<StartGateway> => {
  let turn = 0;
  const agent = new http.Agent({ keepAlive: true });
  const server = http.createServer((incoming, answer) => {
    const backend = new URL(backends[turn++ % backends.length] ?? '');
    const { method = 'POST', url: path = '/', headers } = incoming;
    const onward = http.request(
      { agent, host: backend.hostname, port: backend.port, method, path, headers },
      (reply) => {
        answer.writeHead(reply.statusCode ?? 502, reply.headers);
        reply.pipe(answer);
      },
    );
    onward.on('error', () => answer.destroy());
    incoming.pipe(onward);
  });
  const publicUrl = await listen(server, '127.0.0.1');
  return {
    publicUrl,
    async close() {
      agent.destroy();
      await closeServer(server);
    },
  };
};

async function runProgram(...flags: string[]): Promise<{ status: unknown; output: string }> {
  const child = spawn(process.execPath, [main, ...flags], { env: { ...process.env, NO_COLOR: '1' } });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (part: string) => {
      output += part;
    });
  }
  const [status] = await once(child, 'close');
  return { status, output };
}
