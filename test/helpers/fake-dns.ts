import { isIP, type LookupFunction } from 'node:net';

/** A function for the option `lookup`, and the names it was asked for. */
export interface FakeDns {
  readonly lookup: LookupFunction;
  readonly lookups: string[];
}

/** What names resolve to, or the code that a look-up fails with. */
export function resolveBy(answers: (name: string, times: number) => string[] | { code: string }): FakeDns {
  const lookups: string[] = [];
  const lookup: LookupFunction = (name, _options, callback) => {
    lookups.push(name);
    const answer = answers(name, lookups.length);
    setImmediate(() => {
      if (Array.isArray(answer))
        callback(
          null,
          answer.map((address) => ({ address, family: isIP(address) })),
        );
      else callback(Object.assign(new Error(`getaddrinfo ${answer.code}`), answer), []);
    });
  };
  return { lookup, lookups };
}
