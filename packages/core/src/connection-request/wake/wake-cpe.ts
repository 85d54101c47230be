import { checkGroup } from '../../option-checks.js';
import { type WakeOptions, wakeOptionNames, type WakesOptions } from './wake-options.js';
import { Wakes } from './wakes.js';
import type { WakeResult } from '../result.js';

/** Options of {@link wakeCpe}. */
export interface WakeCpeOptions extends WakeOptions, Pick<WakesOptions, 'policy' | 'tls' | 'lookup' | 'onInform'> {}

/**
 * Wakes one CPE without a proxy: a GET of its ConnectionRequestURL, and the answer to its challenge. It shares nothing
 * with other wakes and keeps no time between them; `wakeCpe` of a proxy does.
 *
 * @param origin the CPE's real ConnectionRequestURL, used as it is written.
 * @returns how it went. It rejects with a {@link CwmpProxyError} only: `ERR_CWMP_OPTION` for wrong options, and
 *   `ERR_CWMP_INTERNAL` where a policy throws.
 */
export async function wakeCpe(origin: string, options: WakeCpeOptions = {}): Promise<WakeResult> {
  checkGroup('options', options, [...wakeOptionNames, 'lookup', 'policy', 'tls', 'onInform']);
  const { policy, tls, lookup, onInform, ...wakeOptions } = options;
  const wakes = new Wakes({
    policy,
    tls,
    lookup,
    onInform,
    spacingMs: 0,
  });
  try {
    return await wakes.wake(origin, wakeOptions);
  } finally {
    wakes.close();
  }
}
