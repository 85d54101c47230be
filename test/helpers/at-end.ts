import type { TestContext } from 'node:test';

const stacks = new WeakMap<TestContext, (() => unknown)[]>();

/** Like `t.after`, but what was opened last is closed first: a proxy before the ACSs that look for what it left open. */
export function atEnd(t: TestContext, close: () => unknown): void {
  const stack = stacks.get(t);
  if (stack !== undefined) {
    stack.push(close);
    return;
  }
  const own = [close];
  stacks.set(t, own);
  t.after(async () => {
    const faults: unknown[] = [];
    for (let next = own.pop(); next !== undefined; next = own.pop()) {
      try {
        await next();
      } catch (fault) {
        faults.push(fault);
      }
    }
    if (faults.length > 0) throw new AggregateError(faults, faults.map(String).join('; '));
  });
}
