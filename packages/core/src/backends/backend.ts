import type { LookupFunction } from 'node:net';
import { type LocalShortage, localShortage } from '../http/local-shortage.js';
import { ActiveHealth, type ActiveHealthSettings } from './active-health.js';
import { BackendConnection, type ConnectionSettings } from './backend-connection.js';
import { BackendDialer, type BackendTls } from './backend-dialer.js';
import { HealthCheck } from './health-check.js';
import { Health, type HealthSettings } from './health.js';
import { RecoveryWatch } from './recovery-watch.js';

/** What a {@link Backend} needs to know of its ACS. */
export interface BackendSettings {
  /** Where the ACS takes CWMP messages. */
  url: URL;
  /** Its share of the sessions in relation to the others. */
  weight: number;
  /** Maximum number of sessions at once. */
  maxSessions: number;
  tls: BackendTls;
  /** Own addresses that connections come from, in turn; none where the system chooses. */
  localAddresses: readonly string[];
  /** Maximum time to connect, TLS included, in milliseconds. */
  connectTimeoutMs: number;
  /** Maximum wait for the head of an answer, in milliseconds. */
  headersTimeoutMs: number;
  /** Maximum silence inside an answer's body, in milliseconds. */
  bodyTimeoutMs: number;
  health: HealthSettings & {
    /** How it is asked whether it lives; `undefined` when it is not. */
    active?: ActiveHealthSettings | undefined;
  };
}

/** `up` takes sessions; `ejected` takes none after failures; `draining` finishes what runs; `drained` has. */
export type BackendState = 'up' | 'ejected' | 'draining' | 'drained';

/** A backend as `proxy.backends.list()` tells of it. */
export interface BackendFigures {
  /** Origin, and path when it has one: the name of the backend in events and for `drain` and `remove`. */
  url: string;
  /**
   * What it does: `up` takes sessions; `ejected` takes none after failures, but one now and then to see whether it answers;
   * `draining` finishes what runs; `drained` has.
   */
  state: BackendState;
  /** Since when it is in this state. */
  since: Date;
  /** Its share of the sessions in relation to the others. */
  weight: number;
  /** CWMP sessions open on it. */
  sessions: number;
  /** Requests it has not yet answered. */
  inFlight: number;
  /**
   * Failures since the last success: to connect, to answer in time, and to answer at all, the last once for each client address.
   */
  failures: number;
}

/** A request that failed, as far as the health of its backend depends on it. */
export interface BackendFailure {
  /** Whether there was a connection. */
  readonly connected: boolean;
  /**
   * Whether it counts against the backend: `each`; `once`, for each client address, where the message may be to blame (an ACS that
   * dies of it); or `none`, once an answer has begun.
   */
  readonly counts: 'each' | 'once' | 'none';
  /** What this machine lacked; then the backend is to blame only where it was never reached. */
  readonly shortage: LocalShortage | undefined;
}

/** Who is told of what happens to a backend. */
export interface BackendListener {
  /** Its state has changed. */
  onState: (backend: Backend) => void;
  /** The session that probed it is over. */
  onFree: () => void;
  /** This machine lacks something. */
  onShortage: (shortage: LocalShortage) => void;
}

/** One ACS behind the proxy. */
export class Backend {
  /** Origin, and path when it has one: the name of this backend. */
  readonly url: string;
  /** Scheme, host and port. */
  readonly origin: string;
  /** Path that stands in front of every request target; empty in most cases. */
  readonly basePath: string;
  /** Path of the URL itself, with the slash at its end if it was given with one. */
  readonly path: string;
  readonly weight: number;
  /** CWMP sessions open on it. */
  sessions = 0;
  /** Requests it has not yet answered. */
  inFlight = 0;
  /** What smooth weighted round robin counts with (the pool's). */
  credit = 0;
  readonly health: Health;
  readonly #maxSessions: number;
  readonly #maxUnanswered: number;
  readonly #connectTimeoutMs: number;
  readonly #connection: ConnectionSettings;
  readonly #listener: BackendListener;
  readonly #check: HealthCheck;
  readonly #active: ActiveHealth | undefined;
  readonly #recovery: RecoveryWatch;
  /** Whether a connection to it was ever made. */
  #reached = false;
  /** Whether its last failure was that no connection could be made. */
  #unreachable = false;
  /** Questions of the active health in a row that it did not answer. */
  #unanswered = 0;
  #state: BackendState = 'up';
  #since = new Date();

  /** When it failed last, on the clock of `performance.now()`. */
  failedAt: number = -Infinity;

  /** @param lookup Looks its name up. */
  constructor(settings: BackendSettings, listener: BackendListener, lookup: LookupFunction) {
    const { url, tls, connectTimeoutMs, headersTimeoutMs, bodyTimeoutMs } = settings;
    const { active, ...health } = settings.health;
    this.basePath = basePathOf(url);
    this.path = url.pathname;
    this.origin = url.origin;
    this.url = nameOf(url);
    this.weight = settings.weight;
    this.health = new Health(health);
    this.#maxSessions = settings.maxSessions;
    this.#maxUnanswered = health.maxFailures;
    this.#connectTimeoutMs = connectTimeoutMs;
    this.#listener = listener;
    const dialer = new BackendDialer(url, tls, settings.localAddresses, lookup);
    const onConnected = (): void => void (this.#reached = true);
    this.#connection = { dialer, connectTimeoutMs, headersTimeoutMs, bodyTimeoutMs, onConnected };
    const question = { expectStatus: 200, ...active, timeoutMs: connectTimeoutMs + headersTimeoutMs };
    this.#check = new HealthCheck(question, { url, tls, lookup, connectTimeoutMs, onConnected });
    this.#recovery = new RecoveryWatch(this.#check, (fault) => this.#recovered(fault));
    if (active === undefined) return;
    this.#active = new ActiveHealth(active.intervalMs, this.#check, (fault) => this.#asked(fault));
  }

  get state(): BackendState {
    return this.#state;
  }

  /** Whether a session may begin on it now. */
  admits(now: number): boolean {
    const takesNew = this.#state === 'up' || (this.#state === 'ejected' && !this.#silent);
    return takesNew && this.sessions < this.#maxSessions && this.health.admits(now);
  }

  /**
   * Whether a session may be tried on it though it is ejected, because no backend is up. One at a time: the next one when the
   * outcome is known, or when the first has had the time of a connect, which a CPE that is slow could stretch.
   */
  admitsTrial(now: number): boolean {
    if (this.#state !== 'ejected' || this.sessions >= this.#maxSessions) return false;
    return this.health.isFree(now, this.#connectTimeoutMs);
  }

  /** Whether only the limit on its sessions keeps a new one away. */
  get full(): boolean {
    return this.#state === 'up' && this.sessions >= this.#maxSessions;
  }

  /** A connection of its own for one CPE; it connects with the first request. */
  openConnection(): BackendConnection {
    return new BackendConnection(this.#connection);
  }

  /** A session begins on it. */
  sessionBegins(session: object): void {
    this.sessions += 1;
    if (this.#state === 'ejected') this.health.begin(performance.now(), session);
  }

  sessionEnds(): void {
    this.sessions -= 1;
    this.#checkDrained();
  }

  /** Requests of a session are over, whatever came of them. */
  settled(requests: number): void {
    this.inFlight -= requests;
    this.#checkDrained();
  }

  /** The backend answered. */
  succeeded(): void {
    if (this.health.succeeded() && this.#state === 'ejected' && !this.#silent) this.#enter('up');
  }

  /**
   * The backend failed.
   *
   * @param session Whose request it was.
   * @param client The group of the client address that it came from.
   */
  failed({ connected, counts, shortage }: BackendFailure, session: object, client: string): void {
    if (this.#isOurs(shortage) || counts === 'none') return;
    const now = performance.now();
    this.failedAt = now;
    this.#unreachable = !connected;
    const isEjected = this.health.failed(now, session, counts === 'once' ? client : undefined);
    if (isEjected && this.#state === 'up') this.#enter('ejected');
  }

  /** What a session has begun with is over, whatever came of it. */
  over(session: object): void {
    if (this.health.over(session)) this.#listener.onFree();
  }

  /** Asks it often whether it lives, or no more, as no backend is up or one is. */
  watchRecovery(isDown: boolean): void {
    if (isDown && this.#state === 'ejected') this.#recovery.start();
    else this.#recovery.stop();
  }

  /** Takes no new session from now on. */
  drain(): void {
    if (this.#state === 'up' || this.#state === 'ejected') this.#enter('draining');
    this.#checkDrained();
  }

  /** Asks it no more whether it lives. */
  close(): void {
    this.#active?.stop();
    this.#recovery.stop();
    this.#check.close();
  }

  figures(): BackendFigures {
    const { url, weight, sessions, inFlight } = this;
    return { url, state: this.#state, since: this.#since, weight, sessions, inFlight, failures: this.health.failures };
  }

  /** Whether the active health has given it up. */
  get #silent(): boolean {
    return this.#unanswered >= this.#maxUnanswered;
  }

  /** The active health has asked it. */
  #asked(fault: unknown): void {
    // Neither alive nor dead: this machine could not ask.
    if (fault !== undefined && this.#isOurs(localShortage(fault))) return;
    if (fault !== undefined) this.failedAt = performance.now();
    this.#unanswered = fault === undefined ? 0 : this.#unanswered + 1;
    if (this.#silent && this.#state === 'up') this.#enter('ejected');
    if (fault === undefined && this.#state === 'ejected' && !this.health.ejected) this.#enter('up');
  }

  /** It was asked while no backend is up. */
  #recovered(fault: unknown): void {
    if (fault !== undefined || this.#state !== 'ejected') return;
    this.#unanswered = 0;
    // That a connection can be made shows nothing of a backend that takes them and then fails; a session has to.
    if (this.health.ejected && !this.#unreachable && !this.#check.asksAcs) return;
    this.health.succeeded();
    this.#enter('up');
  }

  /** Whether it is this machine that lacks something, and no fault of a backend that was reached before. */
  #isOurs(shortage: LocalShortage | undefined): boolean {
    if (shortage === undefined) return false;
    this.#listener.onShortage(shortage);
    return shortage.of === 'machine' || this.#reached;
  }

  #checkDrained(): void {
    if (this.#state === 'draining' && this.sessions === 0 && this.inFlight === 0) this.#enter('drained');
  }

  #enter(state: BackendState): void {
    this.#state = state;
    this.#since = new Date();
    this.#listener.onState(this);
  }
}

/** The name of the backend of this URL: without a slash at its end, a query and a fragment. */
export function nameOf(url: URL): string {
  return url.origin + basePathOf(url);
}

/** The path below which everything of a URL stands; empty for all of its host. */
export function basePathOf({ pathname }: URL): string {
  let end = pathname.length;
  while (pathname.charAt(end - 1) === '/') end -= 1;
  return pathname.slice(0, end);
}
