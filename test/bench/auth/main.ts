import { createRequire } from 'node:module';
import { DigestAuthenticator } from '#core/access/digest-authenticator.js';
import { Nonces } from '#core/access/nonces.js';
import { digestHa1, digestResponse } from '@cwmp-proxy/core';

// What a Digest verification costs with 1, 10 000 and 100 000 nonces outstanding, in microseconds of CPU, beside http-auth's.

const realm = 'bench';
const username = '001404-Box-1';
const ha1 = digestHa1('MD5', username, realm, 'secret');
const rounds = 5;

interface HttpAuthDigest {
  generateHeader(result: object): string;
  parseAuthorization(field: string): object;
  findUser(request: object, options: object, done: (result: { pass?: boolean }) => void): void;
}

function makeHttpAuth(): HttpAuthDigest {
  const load = createRequire(new URL('../../../../packages/core/package.json', import.meta.url));
  const httpAuth: {
    digest(options: object, checker: (user: string, done: (hash: string) => void) => void): HttpAuthDigest;
  } = load('http-auth');
  return httpAuth.digest({ realm }, (_user, done) => done(ha1));
}

function answer(challenge: string, nc: number): string {
  const nonce = /nonce="([^"]*)"/.exec(challenge)?.[1] ?? '';
  const count = nc.toString(16).padStart(8, '0');
  const response = digestResponse({ ha1, method: 'POST', uri: '/', nonce, qop: 'auth', nc: count, cnonce: 'c0ffee' });
  return (
    `Digest username="${username}", realm="${realm}", nonce="${nonce}", uri="/", qop=auth, nc=${count}, ` +
    `cnonce="c0ffee", response="${response}"`
  );
}

/** Microseconds of CPU for each of the answers. */
async function cost(answers: readonly string[], verify: (field: string) => Promise<boolean>): Promise<number> {
  const start = process.cpuUsage();
  for (const field of answers) if (!(await verify(field))) throw new Error('a right answer was refused');
  const { user, system } = process.cpuUsage(start);
  return (user + system) / answers.length;
}

async function ours(outstanding: number, samples: number): Promise<number> {
  const digest = new DigestAuthenticator({ realm, nonces: new Nonces(), secretOf: () => ({ ha1 }) });
  return cost(
    answersOver(outstanding, samples, () => digest.challenges(false)[0] ?? ''),
    async (field) => {
      const { state } = await digest.verify(field, 'POST', '/');
      return state === 'fresh';
    },
  );
}

async function theirs(outstanding: number, samples: number): Promise<number> {
  const digest = makeHttpAuth();
  return cost(
    answersOver(outstanding, samples, () => digest.generateHeader({})),
    (field) => {
      return new Promise((resolve) => {
        const options = digest.parseAuthorization(field);
        digest.findUser({ method: 'POST', url: '/' }, options, ({ pass }) => resolve(pass === true));
      });
    },
  );
}

/** Answers to nonces spread over all that are outstanding. */
function answersOver(outstanding: number, samples: number, challenge: () => string): string[] {
  const challenges = Array.from({ length: outstanding }, challenge);
  return Array.from({ length: samples }, (_, index) => {
    const at = Math.floor((index * outstanding) / samples);
    return answer(challenges[at] ?? '', index + 1);
  });
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

await ours(1, 5_000);
await theirs(1, 5_000);
process.stdout.write('outstanding nonces   cwmp-proxy µs   http-auth µs\n');
for (const outstanding of [1, 10_000, 100_000]) {
  const own: number[] = [];
  const other: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    own.push(await ours(outstanding, 10_000));
    other.push(await theirs(outstanding, outstanding > 10_000 ? 100 : 1_000));
  }
  const [a, b] = [median(own).toFixed(1), median(other).toFixed(1)];
  process.stdout.write(`${String(outstanding).padStart(18)}${a.padStart(16)}${b.padStart(15)}\n`);
}
