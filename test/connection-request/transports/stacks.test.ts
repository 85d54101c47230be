import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { wakeCpe } from '@cwmp-proxy/core';
import {
  cpeCredentials,
  type CpeDouble,
  field,
  type RunningCpe,
  startCpe,
} from '../../helpers/cpe-doubles/conversation.js';
import { digestHoneypot, droppers, honeypot } from '../../helpers/cpe-doubles/droppers.js';
import { basicOnly, digestHabits, sampleCodeSession } from '../../helpers/cpe-doubles/habits.js';
import { orangeInSession, stacks } from '../../helpers/cpe-doubles/stacks.js';
import { complaintsByRfc } from '../../helpers/rfc-digest.js';

const doubles: readonly CpeDouble[] = [...stacks, ...digestHabits, ...droppers, basicOnly, sampleCodeSession];
const credentials = cpeCredentials;

for (const double of doubles) {
  test(`wakes: ${double.name}`, async (t) => {
    const cpe = await startCpe(t, double);
    const result = await wakeCpe(cpe.url, { credentials, timeoutMs: 600, allowBasic: double.basic ?? false });
    assert.equal(result.outcome, 'accepted', JSON.stringify(result));
    assert.equal(cpe.state.woken, 1);
    checkRequests(cpe, double);
  });
}

/** What holds for every request that a CPE gets. */
function checkRequests({ state }: RunningCpe, double: CpeDouble): void {
  for (const request of state.requests) {
    const lines = request.split('\r\n').slice(1, -2);
    assert.ok(lines.length <= 6, `at most six header lines: ${request}`);
    for (const line of lines) assert.match(line, /^[A-Z][A-Za-z]*(?:-[A-Z][A-Za-z]*)*: \S/);
    assert.ok(request.startsWith(`GET ${double.path} HTTP/1.1\r\n`), request);
  }
  const authorizations = state.requests.flatMap((request) => field(request, 'Authorization') ?? []);
  for (const authorization of authorizations) assert.ok(authorization.length < 500);
  if (double.challenge === undefined) return;
  const last = authorizations.at(-1) ?? '';
  const challenge = { ...cpeCredentials, ...double.challenge, nonce: state.nonce };
  assert.deepEqual(complaintsByRfc(last, challenge, 'GET', double.path), []);
  assert.match(last, /^Digest username="[^"]*", .*, response="[0-9a-f]+"$/);
}

const run = promisify(execFile);
const curlVersion = await run('curl', ['--version']).then(
  ({ stdout }) => stdout.split('\n', 1)[0],
  () => undefined,
);
if (curlVersion === undefined) process.stderr.write('NOTICE: curl is missing; agreement with curl is not tested\n');

for (const double of doubles) {
  const skip = curlVersion === undefined ? 'curl is missing' : (double.notCurl ?? false);
  test(`curl --digest agrees: ${double.name}`, { skip }, async (t) => {
    const cpe = await startCpe(t, double);
    const user = `${credentials.username}:${credentials.password}`;
    const options = ['--digest', '--user', user, '--path-as-is', '--globoff', '--silent', '--max-time', '3'];
    const { stdout } = await run('curl', [...options, '--output', '/dev/null', '--write-out', '%{http_code}', cpe.url]);
    assert.match(stdout, /^20[04]$/);
    assert.equal(cpe.state.woken, 1);
  });
}

for (const double of [honeypot, digestHoneypot]) {
  test(`is not taken in by ${double.name}`, async (t) => {
    const cpe = await startCpe(t, double);
    const careful = await wakeCpe(cpe.url, { credentials, timeoutMs: 600 });
    assert.equal(careful.outcome, double === honeypot ? 'scheme-unsupported' : 'credentials-refused');
    assert.equal(careful.status, 401);
    const careless = await wakeCpe(cpe.url, { credentials, timeoutMs: 600, allowBasic: true });
    assert.equal(careless.outcome, 'credentials-refused');
  });
}

test('never sends a password to a CPE that offers only Basic, unless that is allowed', async (t) => {
  const cpe = await startCpe(t, basicOnly);
  const result = await wakeCpe(cpe.url, { credentials });
  assert.equal(result.outcome, 'scheme-unsupported');
  assert.equal(result.scheme, 'basic');
  assert.equal(cpe.state.requests.length, 1);
});

test('a 503 before any authentication, unterminated, is busy', async (t) => {
  const cpe = await startCpe(t, orangeInSession);
  const result = await wakeCpe(cpe.url, { credentials });
  assert.equal(result.outcome, 'busy');
  assert.equal(result.status, 503);
});

test('both legs go over one connection where the CPE keeps it', async (t) => {
  const kept = doubles.filter(({ name }) => /RDK-B|ucwmp|chunked|extra line end/.test(name));
  for (const double of kept) {
    const cpe = await startCpe(t, double);
    await wakeCpe(cpe.url, { credentials });
    assert.equal(cpe.state.connections, 1, double.name);
  }
});
