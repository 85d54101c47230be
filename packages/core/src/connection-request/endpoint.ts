import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Authenticator } from '../auth/basic.js';
import { CwmpProxyError } from '../errors.js';
import { optionError } from './wake-options.js';
import type { WakePipeline } from './wake-pipeline.js';
import { type EndpointAnswer, refusalAnswer, wakeAnswer } from './wake-answer.js';

/** Options of {@link createWakeEndpoint}. */
export interface WakeEndpointOptions {
  /** Asks who a request is from. Absent: everybody may ask. */
  readonly authenticator?: Authenticator;
  /**
   * The real ConnectionRequestURL behind a request target. Throws a {@link CwmpProxyError} whose `statusCode` is a 4xx for
   * a target that is wrong or not allowed.
   */
  readonly resolve: (target: string) => string;
  /** What wakes. */
  readonly pipeline: WakePipeline;
  /** Most time for all legs, in milliseconds. Default 1800: GenieACS gives up after 2000. */
  readonly timeoutMs?: number;
  /**
   * Status that says that a CPE was not reached. Default 503, which GenieACS reads as "Device is offline"; 502 for those
   * who want to tell it from a busy CPE.
   */
  readonly unreachableStatus?: 502 | 503 | 504;
  /** Status that says that the time ran out. Default 503, as for `unreachableStatus`; 504 is what HTTP would say. */
  readonly timeoutStatus?: 502 | 503 | 504;
  /** Name of the proxy in `Proxy-Status` (RFC 9209): a token. Default `cwmp-proxy`. */
  readonly name?: string;
}

/** Answers a request for the URL that an ACS calls to have a CPE woken. Never rejects. */
export type WakeEndpoint = (req: IncomingMessage, res: ServerResponse, target: string) => Promise<void>;

/**
 * Makes the endpoint that an ACS calls in place of the CPE. It answers with the outcome as a status that an ACS
 * understands; the CPE's own 401 is never passed on, since its realm and nonce are not the proxy's.
 *
 * @throws {@link CwmpProxyError} `ERR_CWMP_OPTION` when an option is wrong.
 */
export function createWakeEndpoint(options: WakeEndpointOptions): WakeEndpoint {
  const { authenticator, resolve, pipeline, timeoutMs = 1800, name = 'cwmp-proxy' } = options;
  if (!/^[A-Za-z*][!#$%&'*+\-.^_`|~0-9A-Za-z:/]*$/.test(name)) throw optionError('name', 'a token');
  if (!Number.isInteger(timeoutMs) || timeoutMs < 1) throw optionError('timeoutMs', 'a whole number above 0');
  const statuses = {
    name,
    unreachableStatus: options.unreachableStatus ?? 503,
    timeoutStatus: options.timeoutStatus ?? 503,
  };

  const answerFor = async (req: IncomingMessage, target: string, signal: AbortSignal): Promise<EndpointAnswer> => {
    if (req.method !== 'GET' && req.method !== 'HEAD') return refusalAnswer(405, { allow: 'GET, HEAD' });
    const decision = await authenticator?.authenticate(req);
    if (decision?.pass === false) {
      return refusalAnswer(decision.statusCode, { 'www-authenticate': decision.challenges });
    }
    const origin = resolve(target);
    return wakeAnswer(await pipeline.wake(origin, { timeoutMs, signal }), statuses);
  };

  return async (req, res, target) => {
    // Node closes the request as soon as its body is read; only the response tells that the ACS has left.
    const left = new AbortController();
    const onClose = (): void => left.abort();
    res.on('close', onClose);
    let answer: EndpointAnswer;
    try {
      answer = await answerFor(req, target, left.signal);
    } catch (error) {
      const status = error instanceof CwmpProxyError ? error.statusCode : 500;
      answer = refusalAnswer(status >= 400 && status < 500 ? status : 500);
    }
    res.off('close', onClose);
    if (res.destroyed || res.headersSent) return;
    res.writeHead(answer.status, { ...answer.headers });
    res.end(req.method === 'HEAD' ? undefined : answer.body);
  };
}
