import { createHmac, randomBytes } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { BoundedMap } from '../bounded-map.js';
import { CwmpProxyError } from '../errors.js';
import {
  type AuthDecision,
  type Authenticator,
  type AuthRefusal,
  type Guess,
  type GuessedCpe,
  tooManyFailures,
} from './authenticator.js';
import { addressGroup, clientGroupOf, clientOf } from '../http/client-address.js';
import { canonicalAddress } from '../policy/ip-address.js';
import { hasControl, readBasicPair, readDigestAuthorization } from '../digest/authorization.js';
import { createBasicAuthenticator, type Users } from './basic.js';
import { DigestAuthenticator, isStale, type OfferedAlgorithm } from './digest-authenticator.js';
import { GuessLimiter, longestCheckMs } from './guess-limiter.js';
import { createHtpasswdChecker, type HtpasswdChecker } from './htpasswd.js';
import { Nonces } from './nonces.js';

/** How those who call the endpoint show who they are. `relay` is not asked here: there the CPE asks. */
export type AccessScheme = 'digest' | 'basic' | 'forward';

/** Options of {@link Access}. */
export interface AccessSettings {
  readonly schemes: readonly AccessScheme[];
  readonly realm: string;
  /** For `basic`, and as a map for `digest`. */
  readonly users?: Users | undefined;
  /** Path of an htpasswd file, for `basic`. */
  readonly htpasswd?: string | undefined;
  readonly algorithms: readonly OfferedAlgorithm[];
  readonly compareUri: boolean;
  /** Signs the nonces of all instances that have it. */
  readonly nonceKey: string | undefined;
  readonly maxFailures: number;
  /** Path that proxies in front may take off the request target; empty for none. */
  readonly publicPath: string;
  /** Called with the address that a wrong answer came from, or a right one for another uri. */
  readonly onRefused: (address: string, why: 'wrong' | 'other-uri') => void;
}

/** Maximum of pairs that are known to have passed. */
const maxProven = 1_000;

/** How many times the failures at one CPE may be made at all behind one address, where there may be NAT. */
const cpesOfAddress = 4;

/** A request whose answer to a challenge is checked. */
interface Asked {
  readonly field: string;
  readonly request: IncomingMessage;
  readonly target: string;
  readonly signal: AbortSignal | undefined;
}

/** What came of a check. */
interface Checked {
  /** Seconds that the address has to wait, and nothing was checked; 0 when it was. */
  readonly retryAfter: number;
  /** Nothing for a wrong answer. */
  readonly decision: AuthDecision | undefined;
}

/** Asks the ACSs who they are: Digest, Basic, or a Basic pair that is for the CPE; and slows guessing down. */
export class Access implements Authenticator {
  readonly #nonces: Nonces;
  readonly #limiter: GuessLimiter;
  /** Of guesses at CPEs: at each, and at all behind one address. */
  readonly #atCpes: GuessLimiter;
  readonly #atAddresses: GuessLimiter;
  readonly #onRefused: AccessSettings['onRefused'];
  readonly #digest: DigestAuthenticator | undefined;
  readonly #basic: Authenticator | undefined;
  readonly #htpasswd: HtpasswdChecker | undefined;
  readonly #forwards: boolean;
  readonly #basicChallenge: string;
  readonly #key = randomBytes(32);
  /** Checks of pairs that are under way, by address and keyed hash. */
  readonly #running = new Map<string, Promise<Checked>>();
  /** Keyed hashes of pairs that have passed: they wait for nobody's guesses. */
  readonly #proven = new BoundedMap<string, true>(maxProven);

  /** @throws {@link CwmpProxyError} `ERR_CWMP_OPTION` when users, file or realm cannot be used. */
  constructor(settings: AccessSettings) {
    const { schemes, realm, users, htpasswd, algorithms, compareUri, publicPath, maxFailures, onRefused } = settings;
    this.#onRefused = onRefused;
    this.#nonces = new Nonces({ key: settings.nonceKey });
    this.#limiter = new GuessLimiter({ maxFailures });
    this.#atCpes = new GuessLimiter({ maxFailures });
    this.#atAddresses = new GuessLimiter({ maxFailures: maxFailures * cpesOfAddress });
    this.#forwards = schemes.includes('forward');
    this.#basicChallenge = `Basic realm="${realm}", charset="UTF-8"`;
    if (schemes.includes('basic')) {
      if (htpasswd !== undefined) {
        this.#htpasswd = createHtpasswdChecker(htpasswd, 'connectionRequests.access.htpasswd');
      }
      this.#basic = createBasicAuthenticator({ users: users ?? {}, checker: this.#htpasswd?.check, realm });
    }
    if (schemes.includes('digest') && typeof users === 'object') {
      const secrets = new Map(Object.entries(users));
      const secretOf = ({ username }: { username: string }): string | undefined => secrets.get(username);
      this.#digest = new DigestAuthenticator({
        realm,
        nonces: this.#nonces,
        secretOf,
        algorithms,
        compareUri,
        publicPath,
      });
    }
  }

  async authenticate(
    request: IncomingMessage,
    target: string = request.url ?? '',
    signal?: AbortSignal,
  ): Promise<AuthDecision> {
    const field = request.headers.authorization;
    if (field === undefined) return this.#refusal(false);
    const address = clientGroupOf(request);
    if (this.#isGuess(field)) {
      const asked = { field, request, target, signal };
      const { retryAfter, decision } = isDigest(field)
        ? await this.#limited(address, asked, false)
        : await this.#shared(address, asked);
      if (retryAfter > 0) return tooManyFailures(retryAfter);
      if (decision !== undefined) return decision;
    }
    this.#onRefused(clientOf(request).address, 'wrong');
    return this.#refusal(false);
  }

  /** Checks the same pair of one address once, however many ask at a time: equal pairs are one guess. */
  async #shared(address: string, asked: Asked): Promise<Checked> {
    const pair = createHmac('sha256', this.#key).update(asked.field).digest('base64');
    const name = `${address} ${pair}`;
    for (;;) {
      const running = this.#running.get(name);
      if (running === undefined) break;
      const checked = await running.catch((error: unknown) => {
        // Whoever asked first has left; the others still want to know.
        if (error instanceof CwmpProxyError && error.code === 'ERR_CWMP_CPE_GONE') return undefined;
        throw error;
      });
      if (checked !== undefined) return checked;
      if (asked.signal?.aborted === true) break;
    }
    const started = this.#limited(address, asked, this.#proven.has(pair)).finally(() => this.#running.delete(name));
    this.#running.set(name, started);
    const checked = await started;
    if (checked.decision?.pass === true && checked.decision.forwarded === undefined) this.#proven.set(pair, true);
    return checked;
  }

  async #limited(address: string, { field, request, target, signal }: Asked, isProven: boolean): Promise<Checked> {
    let decision: AuthDecision | undefined;
    const check = async (): Promise<boolean> => {
      decision = await this.#check(field, request, target, signal);
      return decision === undefined;
    };
    const retryAfter = await this.#limiter.check(address, check, { signal, longestMs: longestCheckMs, isProven });
    return { retryAfter, decision };
  }

  /** Whether an answer is in a scheme that is asked for; no other can be a guess at a secret. */
  #isGuess(field: string): boolean {
    return isDigest(field) ? this.#digest !== undefined : this.#basic !== undefined || this.#forwards;
  }

  /** Nothing for a wrong answer. */
  async #check(
    field: string,
    request: IncomingMessage,
    target: string,
    signal: AbortSignal | undefined,
  ): Promise<AuthDecision | undefined> {
    if (isDigest(field)) {
      const { prefix, address } = clientOf(request);
      const verdict = await this.#digest?.verify(field, request.method ?? 'GET', target, prefix);
      if (verdict === undefined || verdict.state === 'wrong') return undefined;
      if (verdict.state === 'fresh') return { pass: true, username: verdict.username };
      // Who answers rightly for another uri, or to an old nonce, knows the secret: that is no guess.
      if (verdict.state === 'other-uri') this.#onRefused(address, 'other-uri');
      return this.#refusal(isStale(verdict));
    }
    const forwarded = this.#forwards ? readBasicPair(field) : undefined;
    if (forwarded !== undefined && !hasControl(forwarded.username)) {
      return { pass: true, username: forwarded.username, forwarded };
    }
    const decision = await this.#basic?.authenticate(request, target, signal);
    return decision?.pass === true ? decision : undefined;
  }

  /** A guess at the secret of a CPE counts at its address, and there alone. */
  async guess<T>(
    request: IncomingMessage,
    { addresses, port }: GuessedCpe,
    signal: AbortSignal,
    ask: () => Promise<T>,
    refusedBy: (answer: T) => string | undefined,
  ): Promise<Guess<T>> {
    // Each count that is waited for listens to it, which is no leak.
    setMaxListeners(0, signal);
    const asker = clientGroupOf(request);
    const groupOf = (address: string): string => addressGroup(canonicalAddress(address));
    // In one order for all, so that no two wait for each other.
    const counts = [...new Set(addresses.map(groupOf))]
      .sort()
      .flatMap((group) => this.#countsAt(asker, group, port).map((count) => ({ ...count, group })));
    let answered: { readonly answer: T } | undefined;
    let refusing: string | undefined;
    // It takes a place in the counts of each address that may be dialled; a refusal counts at the one that was.
    const check = async (index: number): Promise<number> => {
      const count = counts[index];
      if (count === undefined) {
        const answer = await ask();
        answered = { answer };
        const by = refusedBy(answer);
        refusing = by === undefined ? undefined : groupOf(by);
        return 0;
      }
      let next = 0;
      const isWrong = async (): Promise<boolean> => {
        next = await check(index + 1);
        return refusing === count.group;
      };
      return Math.max(await count.limiter.check(count.key, isWrong, { signal }), next);
    };
    const retryAfter = await check(0);
    if (answered === undefined) return { refusal: tooManyFailures(retryAfter) };
    if (refusing === undefined) return answered;
    if (!counts.some(({ group }) => group === refusing)) {
      for (const { limiter, key } of this.#countsAt(asker, refusing, port)) limiter.failed(key);
    }
    this.#onRefused(clientOf(request).address, 'wrong');
    return { ...answered, refusal: this.#refusal(false) };
  }

  guessed(request: IncomingMessage, address: string, port: number): void {
    const group = addressGroup(canonicalAddress(address));
    for (const { limiter, key } of this.#countsAt(clientGroupOf(request), group, port)) limiter.failed(key);
  }

  #countsAt(asker: string, group: string, port: number): { limiter: GuessLimiter; key: string }[] {
    return [
      { limiter: this.#atAddresses, key: `${asker} ${group}` },
      { limiter: this.#atCpes, key: `${asker} ${group} ${port}` },
    ];
  }

  /** Whether an `Authorization` answers a challenge of ours, and none that a CPE has made. */
  isOwn(field: string): boolean {
    const digest = readDigestAuthorization(field);
    if (digest !== undefined) return this.#digest !== undefined && this.#nonces.isOwn(digest.nonce);
    return this.#basic !== undefined || this.#forwards;
  }

  /** Whether there is any way to pass. */
  get isAsking(): boolean {
    return this.#digest !== undefined || this.#basic !== undefined || this.#forwards;
  }

  /** Ends what runs beside the main thread. */
  async close(): Promise<void> {
    await this.#htpasswd?.close();
  }

  #refusal(stale: boolean): AuthRefusal {
    const challenges = this.#digest?.challenges(stale) ?? [];
    // GenieACS takes Digest and Basic in this order only, in fields of their own.
    if (this.#basic !== undefined || this.#forwards) challenges.push(this.#basicChallenge);
    return { pass: false, statusCode: 401, challenges };
  }
}

function isDigest(field: string): boolean {
  return /^digest\s/i.test(field);
}
