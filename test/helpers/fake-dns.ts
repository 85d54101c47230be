import dns from 'node:dns';
import { syncBuiltinESMExports } from 'node:module';
import { isIP } from 'node:net';
import type { TestContext } from 'node:test';

/** What names resolve to in this test; nothing is ever asked of a name server. */
export function resolveBy(t: TestContext, answers: (name: string, times: number) => string[]): { lookups: string[] } {
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
    const found = answers(name, lookups.length).map((address) => ({ address, family: isIP(address) }));
    setImmediate(() => void Reflect.apply(done, undefined, [null, found]));
  };
  const mocked = t.mock.method(dns, 'lookup', fake);
  syncBuiltinESMExports();
  t.after(() => {
    mocked.mock.restore();
    syncBuiltinESMExports();
  });
  return { lookups };
}
