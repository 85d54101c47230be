import dns from 'node:dns';
import { syncBuiltinESMExports } from 'node:module';
import { isIP } from 'node:net';
import type { TestContext } from 'node:test';

/** What names resolve to in this test, or the code that a lookup fails with; nothing is ever asked of a name server. */
export function resolveBy(
  t: TestContext,
  answers: (name: string, times: number) => string[] | { code: string },
): { lookups: string[] } {
  const lookups: string[] = [];
  const real = dns.lookup;
  const fake = (name: string, ...rest: unknown[]): void => {
    const done = rest.at(-1);
    if (typeof done !== 'function') return;
    if (isIP(name) !== 0) {
      // Node looks up what a server listens on, too.
      Reflect.apply(real, dns, [name, ...rest]);
      return;
    }
    lookups.push(name);
    const answer = answers(name, lookups.length);
    const result = Array.isArray(answer)
      ? [null, answer.map((address) => ({ address, family: isIP(address) }))]
      : [Object.assign(new Error(`getaddrinfo ${answer.code}`), answer)];
    setImmediate(() => void Reflect.apply(done, undefined, result));
  };
  const mocked = t.mock.method(dns, 'lookup', fake);
  syncBuiltinESMExports();
  t.after(() => {
    mocked.mock.restore();
    syncBuiltinESMExports();
  });
  return { lookups };
}
