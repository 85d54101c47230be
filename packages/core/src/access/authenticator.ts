import type { IncomingMessage } from 'node:http';
import { CwmpProxyError } from '../errors.js';
import { localShortage } from '../http/local-shortage.js';
import type { BasicPair } from '../digest/authorization.js';

/** What came out of asking who a request is from. */
export type AuthDecision =
  | {
      /** The request may pass. */
      readonly pass: true;
      /** The user it is from. */
      readonly username: string;
      /** The pair that came and was not checked here: it is for the CPE. */
      readonly forwarded?: BasicPair;
    }
  | {
      /** The request may not pass. */
      readonly pass: false;
      /** Status to answer with: 401, or 429 for an address that has failed too often. */
      readonly statusCode: 401 | 429;
      /** `WWW-Authenticate` fields of the answer, one challenge in each, in this order. */
      readonly challenges: readonly string[];
      /** Seconds for `Retry-After`, with 429. */
      readonly retryAfter?: number;
    };

/** The other half of {@link AuthDecision}. */
export type AuthRefusal = AuthDecision & { readonly pass: false };

/** The refusal of an address that has failed too often. @param retryAfter Seconds that it has to wait. */
export function tooManyFailures(retryAfter: number): AuthRefusal {
  return { pass: false, statusCode: 429, challenges: [], retryAfter };
}

/** The fault of what checks passwords, or knows the users, and cannot tell who somebody is. It is nobody's guess. */
export function usersFault(cause: unknown): CwmpProxyError {
  if (cause instanceof CwmpProxyError && cause.code === 'ERR_CWMP_LOCAL_RESOURCES') return cause;
  const shortage = localShortage(cause);
  if (shortage !== undefined) {
    const message = `this machine cannot tell who somebody is (${shortage.code})`;
    return new CwmpProxyError('ERR_CWMP_LOCAL_RESOURCES', message, { cause });
  }
  return new CwmpProxyError('ERR_CWMP_USERS_UNAVAILABLE', 'the function that knows the users has failed', { cause });
}

/** What came of credentials that a CPE checks: its answer, with a refusal where it took them for wrong; or a refusal alone. */
export type Guess<T> =
  | { readonly answer: T; readonly refusal?: AuthRefusal }
  | { readonly answer?: undefined; readonly refusal: AuthRefusal };

/** A CPE that checks credentials. */
export interface GuessedCpe {
  /** Those that may be dialled. */
  readonly addresses: readonly string[];
  readonly port: number;
}

/** Asks a request who it is from. Rejects with a {@link CwmpProxyError} only where nobody can tell, or cares any more. */
export interface Authenticator {
  /**
   * @param target Request target as it came, where the request's own `url` was shortened.
   * @param signal Aborted when whoever asks has left.
   */
  authenticate(request: IncomingMessage, target?: string, signal?: AbortSignal): Promise<AuthDecision>;
  /**
   * Lets a CPE check the credentials of a request. Those that it refuses count as a guess of the one who sent them, at the
   * address that was dialled; of one who guesses too fast it is not asked.
   *
   * @param ask Has the CPE check.
   * @param refusedBy The address of the CPE whose answer refuses them, if it does.
   */
  guess?<T>(
    request: IncomingMessage,
    cpe: GuessedCpe,
    signal: AbortSignal,
    ask: () => Promise<T>,
    refusedBy: (answer: T) => string | undefined,
  ): Promise<Guess<T>>;
  /**
   * Counts a guess that {@link Authenticator.guess} was not told the end of, because its asker had left.
   *
   * @param address The address of the CPE that was dialled.
   */
  guessed?(request: IncomingMessage, address: string, port: number): void;
  /** Whether an `Authorization` answers a challenge of this one. Default: it does. */
  isOwn?(field: string): boolean;
  /** Whether there is any way to pass. Default: there is. */
  readonly isAsking?: boolean;
}
