import type { TestContext } from 'node:test';
import type { WakesOptions } from '#core/connection-request/wake/wake-options.js';
import { Wakes } from '#core/connection-request/wake/wakes.js';
import { cpeCredentials } from './cpe-doubles/conversation.js';

/** A wakes for the length of one test, which keeps no time between wakes and knows the credentials of the doubles. */
export function openWakes(t: TestContext, options: WakesOptions = {}): Wakes {
  const wakes = new Wakes({ credentials: cpeCredentials, spacingMs: 0, ...options });
  t.after(() => wakes.close());
  return wakes;
}
