import { checkGroup } from '../../option-checks.js';
import { type WakeOptions, wakeOptionNames, type WakePipelineOptions } from './wake-options.js';
import { WakePipeline } from './wakes.js';
import type { WakeResult } from '../result.js';

/** Options of {@link wakeCpe}. */
export interface WakeCpeOptions
  extends WakeOptions, Pick<WakePipelineOptions, 'policy' | 'tls' | 'lookup' | 'onInform'> {}

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
  const pipeline = new WakePipeline({
    ...(policy !== undefined && { policy }),
    ...(tls !== undefined && { tls }),
    ...(lookup !== undefined && { lookup }),
    ...(onInform !== undefined && { onInform }),
    spacingMs: 0,
  });
  try {
    return await pipeline.wake(origin, wakeOptions);
  } finally {
    pipeline.close();
  }
}
