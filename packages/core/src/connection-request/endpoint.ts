import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Authenticator, AuthRefusal, Guess, GuessedCpe } from '../access/authenticator.js';
import { clientGroupOf } from '../http/client-address.js';
import { onClosed } from '../http/client-left.js';
import { isOpen, reply } from '../http/response.js';
import { CwmpProxyError, drawRetryAfter } from '../errors.js';
import { refuseOption } from '../option-checks.js';
import type { Relay, RelayAnswer } from './relay/relay.js';
import { hasRefusedCredentials } from './transports/http-transport.js';
import type { Located, Wakes } from './wake/wakes.js';
import { type EndpointAnswer, refusalAnswer, wakeAnswer } from './acs-answer.js';
import type { WakeResult } from './result.js';

/** Options of {@link createWakeEndpoint}. */
export interface WakeEndpointOptions {
  /** Asks who a request is from. Absent: everybody may ask. */
  readonly authenticator?: Authenticator;
  /**
   * The real ConnectionRequestURL behind a request target and its `Host`. Throws a {@link CwmpProxyError} whose `statusCode` is
   * a 4xx for a target that is wrong or not allowed.
   */
  readonly resolve: (target: string, host: string | undefined) => string;
  /** Hands the CPE's challenge to the ACS and its answer to the CPE, where the request answers no challenge of ours. */
  readonly relay?: Relay;
  /** What wakes. */
  readonly wakes: Pick<Wakes, 'wake'>;
  /** Finds where a CPE is, so that guesses at its secret are counted by its address. Needed for `relay`, and for pairs that are for the CPE. */
  readonly locate?: Wakes['locate'];
  /** Maximum time from a request of the ACS to its answer, in milliseconds. Default 1800: GenieACS gives up after 2000. */
  readonly timeoutMs?: number;
  /** Status that says that a CPE was not reached. Default 503, which GenieACS reads as "Device is offline". */
  readonly unreachableStatus?: 502 | 503 | 504;
  /** Status that says that the time ran out. Default 503, as for `unreachableStatus`; 504 is what HTTP would say. */
  readonly timeoutStatus?: 502 | 503 | 504;
  /** Told of a request whose target was refused, by one who may ask, or that failed by a fault of ours. Must not throw. */
  readonly onFailure?: (error: CwmpProxyError) => void;
}

/** A request for a wake. */
interface AcsRequest {
  readonly req: IncomingMessage;
  /** Aborted when its ACS has left. */
  readonly signal: AbortSignal;
  /** The address group that it comes from. */
  readonly asker: string;
  /** When it came, on the clock of `performance.now()`. */
  readonly since: number;
}

/** How long after its time a request is answered at the latest, in milliseconds: a wake that ends by its own clock goes first. */
const graceMs = 20;

/**
 * Answers a request for the URL that an ACS calls to have a CPE woken. Rejects with a {@link CwmpProxyError} where the answer
 * cannot be written: `ERR_CWMP_ANSWERED` when the host has answered, `ERR_CWMP_INTERNAL` when the response throws.
 */
export type WakeEndpoint = (req: IncomingMessage, res: ServerResponse, target: string) => Promise<void>;

/**
 * Makes the endpoint that an ACS calls in place of the CPE. It answers with the outcome as a status that an ACS
 * understands; the CPE's own 401 is never passed on, since its realm and nonce are not the proxy's.
 *
 * @throws {@link CwmpProxyError} `ERR_CWMP_OPTION` when an option is wrong.
 */
export function createWakeEndpoint(options: WakeEndpointOptions): WakeEndpoint {
  const { authenticator, resolve, relay, wakes, locate, timeoutMs = 1800 } = options;
  if (!Number.isInteger(timeoutMs) || timeoutMs < 1) refuseOption('timeoutMs', 'expected a whole number above 0');
  const statuses = {
    unreachableStatus: options.unreachableStatus ?? 503,
    timeoutStatus: options.timeoutStatus ?? 503,
  };

  /** Who does not wait for what a CPE makes of a guess has guessed all the same. */
  const unheard =
    (req: IncomingMessage, { origin }: Located) =>
    (result: WakeResult): void => {
      const isGuess = result.outcome === 'aborted' || hasRefusedCredentials(result);
      if (isGuess && result.address !== undefined) authenticator?.guessed?.(req, result.address, origin.port);
    };

  const relayed = async (
    { req, signal, asker, since }: AcsRequest,
    target: string,
  ): Promise<EndpointAnswer | undefined> => {
    const { authorization, host } = req.headers;
    // Without an own challenge outstanding, the CPE is the one that asks.
    if (
      relay === undefined ||
      locate === undefined ||
      (authorization !== undefined && (authenticator?.isOwn?.(authorization) ?? true))
    ) {
      return undefined;
    }
    const found = await locate(resolve(target, host), { asker, since, timeoutMs, signal });
    if (found.located === undefined) return wakeAnswer(found.told.result, statuses);
    const { located } = found;
    const ask = (): Promise<RelayAnswer> =>
      relay.ask({ located, authorization, asker, since, timeoutMs, signal, onUnheard: unheard(req, located) });
    const { answer, refusal }: Guess<RelayAnswer> =
      authorization === undefined || authenticator?.guess === undefined
        ? { answer: await ask() }
        : await authenticator.guess(req, guessed(located), signal, ask, ({ refusedBy }) => refusedBy);
    if (answer === undefined) return authAnswer(refusal);
    if (answer.challenge !== undefined) return refusalAnswer(401, { 'www-authenticate': [answer.challenge] });
    const { outcome } = answer.result;
    // What cannot be relayed may still be woken with the proxy's own credentials, by those who may ask for that.
    if (outcome === 'scheme-unsupported' && authenticator?.isAsking === true) return undefined;
    return wakeAnswer(answer.result, statuses);
  };

  const answerFor = async (request: AcsRequest, target: string): Promise<EndpointAnswer> => {
    const { req, signal, asker, since } = request;
    if (req.method !== 'GET' && req.method !== 'HEAD') return refusalAnswer(405, { allow: 'GET, HEAD' });
    // Two hosts name two CPEs in the host form.
    if ((req.headersDistinct['host']?.length ?? 0) > 1) return refusalAnswer(400);
    const answer = await relayed(request, target);
    if (answer !== undefined) return answer;
    const decision = await authenticator?.authenticate(req, target, signal);
    if (decision?.pass === false) return authAnswer(decision);
    const origin = resolve(target, req.headers.host);
    const credentials = decision?.forwarded;
    if (credentials === undefined || authenticator?.guess === undefined || locate === undefined) {
      const forwarded = credentials !== undefined && { credentials };
      const from = { asker, since, isForwarded: credentials !== undefined };
      return wakeAnswer(await wakes.wake(origin, { timeoutMs, signal, ...forwarded }, from), statuses);
    }
    const found = await locate(origin, { asker, since, timeoutMs, signal });
    if (found.located === undefined) return wakeAnswer(found.told.result, statuses);
    const { located } = found;
    const { addresses } = located;
    const { answer: result, refusal }: Guess<WakeResult> = await authenticator.guess(
      req,
      guessed(located),
      signal,
      () =>
        wakes.wake(
          origin,
          { timeoutMs, signal, credentials },
          { asker, since, isForwarded: true, located, onUnheard: unheard(req, located) },
        ),
      (one) => (hasRefusedCredentials(one) ? (one.address ?? addresses[0]) : undefined),
    );
    if (result === undefined) return authAnswer(refusal);
    // They were the ACS's own, so it is the one to be asked again.
    if (result.outcome === 'credentials-refused' && refusal !== undefined) return authAnswer(refusal);
    return wakeAnswer(result, statuses);
  };

  const failed = (cause: unknown, isThere: boolean): EndpointAnswer => {
    const error =
      cause instanceof CwmpProxyError ? cause : new CwmpProxyError('ERR_CWMP_INTERNAL', 'unforeseen', { cause });
    if (isThere) options.onFailure?.(error);
    if (error.statusCode === 503) return refusalAnswer(503, { 'retry-after': drawRetryAfter() });
    return refusalAnswer(error.statusCode < 500 ? error.statusCode : 500);
  };

  return async (req, res, target) => {
    const since = performance.now();
    const ended = new AbortController();
    const stop = onClosed(res, () => ended.abort('aborted'));
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<EndpointAnswer>((resolve) => {
      timer = setTimeout(() => {
        // A wake is over by its own clock; what is not is the check of who asks, or the wait for those that are checked before.
        ended.abort('aborted');
        resolve(
          failed(new CwmpProxyError('ERR_CWMP_USERS_UNAVAILABLE', 'the check of credentials takes too long'), true),
        );
      }, timeoutMs + graceMs).unref();
    });
    const request: AcsRequest = { req, signal: ended.signal, asker: clientGroupOf(req), since };
    const answered = answerFor(request, target).catch((cause: unknown) => failed(cause, !ended.signal.aborted));
    const answer = await Promise.race([answered, late]);
    clearTimeout(timer);
    stop();
    // An ACS that has left is told nothing; the wake was recorded.
    if (isOpen(res)) await reply(res, answer.status, { ...answer.headers }, answer.body);
  };
}

function guessed({ addresses, origin }: Located): GuessedCpe {
  return { addresses, port: origin.port };
}

function authAnswer(decision: AuthRefusal): EndpointAnswer {
  const { statusCode, challenges, retryAfter } = decision;
  return refusalAnswer(statusCode, {
    ...(challenges.length > 0 && { 'www-authenticate': challenges }),
    ...(retryAfter !== undefined && { 'retry-after': String(retryAfter) }),
  });
}
