import { buildConnector } from 'undici';
import { ActiveHealth, type ActiveHealthSettings } from './active-health.js';
import { BackendConnection, type ConnectionSettings } from './backend-connection.js';
import { Health, type HealthSettings } from './health.js';

/** TLS towards a backend, in the terms of Node's `tls.connect`. */
export interface BackendTls {
  /** Certificate authorities to trust instead of the well-known ones, PEM. */
  ca?: string | Buffer | readonly (string | Buffer)[];
  /** Client certificate, PEM. */
  cert?: string | Buffer;
  /** Private key of the client certificate, PEM. */
  key?: string | Buffer;
  /** Name for SNI and for the check of the certificate. Default: the URL's host name. */
  servername?: string;
}

/** What a {@link Backend} needs to know of its ACS. */
export interface BackendSettings {
  /** Where the ACS takes CWMP messages. */
  url: URL;
  /** Its share of the sessions in relation to the others. */
  weight: number;
  /** Most sessions at once. */
  maxSessions: number;
  tls: BackendTls;
  /** Longest time to connect, TLS included, in milliseconds. */
  connectTimeoutMs: number;
  /** Longest wait for the head of an answer, in milliseconds. */
  headersTimeoutMs: number;
  /** Longest silence inside an answer's body, in milliseconds. */
  bodyTimeoutMs: number;
  health: HealthSettings & {
    /** How it is asked whether it lives; `undefined` when it is not. */
    active?: ActiveHealthSettings | undefined;
  };
}

/** `up` takes sessions; `ejected` is left alone after failures; `draining` finishes what runs; `drained` has. */
export type BackendState = 'up' | 'ejected' | 'draining' | 'drained';

/** A backend as `proxy.backends.list()` tells of it. */
export interface BackendFigures {
  /** Origin, and path when it has one: the name of the backend in events and for `drain` and `remove`. */
  url: string;
  /** What it does: `up` takes sessions, `ejected` is left alone after failures, `draining` finishes what runs, `drained` has. */
  state: BackendState;
  /** Since when it is in this state. */
  since: Date;
  /** Its share of the sessions in relation to the others. */
  weight: number;
  /** CWMP sessions open on it. */
  sessions: number;
  /** Requests it has not yet answered. */
  inFlight: number;
  /** Failures to connect or to answer in time since the last success. */
  failures: number;
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
  readonly #connection: ConnectionSettings;
  readonly #onState: (backend: Backend) => void;
  readonly #active: ActiveHealth | undefined;
  /** Questions of the active health in a row that it did not answer. */
  #unanswered = 0;
  #state: BackendState = 'up';
  #since = new Date();

  /** @param onState Called after each change of {@link Backend.state}. */
  constructor(settings: BackendSettings, onState: (backend: Backend) => void) {
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
    this.#onState = onState;
    // No probes by the kernel: a session's own limits are shorter, and eight system calls a connection dearer.
    const connector = buildConnector({ ...setByNode, ...tlsOptions(tls), timeout: connectTimeoutMs, keepAlive: false });
    this.#connection = { origin: new URL(url.origin), connector, headersTimeoutMs, bodyTimeoutMs };
    if (active === undefined) return;
    this.#active = new ActiveHealth(active, { ...this.#connection, url }, (alive) => this.#asked(alive));
  }

  get state(): BackendState {
    return this.#state;
  }

  /** Whether a session may begin on it now. */
  admits(now: number): boolean {
    const takesNew = this.#state === 'up' || (this.#state === 'ejected' && !this.#silent);
    return takesNew && this.sessions < this.#maxSessions && this.health.admits(now);
  }

  /** Whether only the limit on its sessions keeps a new one away. */
  get full(): boolean {
    return this.#state === 'up' && this.sessions >= this.#maxSessions;
  }

  /** A connection of its own for one CPE; it connects with the first request. */
  openConnection(): BackendConnection {
    return new BackendConnection(this.#connection);
  }

  sessionBegins(): void {
    this.sessions += 1;
    this.health.begin(performance.now());
  }

  sessionEnds(): void {
    this.sessions -= 1;
    if (this.sessions === 0 && this.#state === 'draining') this.#enter('drained');
  }

  /** The backend answered. */
  succeeded(): void {
    if (this.health.succeeded() && this.#state === 'ejected' && !this.#silent) this.#enter('up');
  }

  /** The backend could not be connected to or did not answer in time. */
  failed(): void {
    if (this.health.failed(performance.now()) && this.#state === 'up') this.#enter('ejected');
  }

  /** Takes no new session from now on. */
  drain(): void {
    if (this.#state === 'up' || this.#state === 'ejected') this.#enter('draining');
    if (this.sessions === 0 && this.#state === 'draining') this.#enter('drained');
  }

  /** Asks it no more whether it lives. */
  close(): void {
    this.#active?.stop();
  }

  figures(): BackendFigures {
    const { url, weight, sessions, inFlight } = this;
    return { url, state: this.#state, since: this.#since, weight, sessions, inFlight, failures: this.health.failures };
  }

  /** Whether the active health has given it up. */
  get #silent(): boolean {
    return this.#unanswered >= this.#maxUnanswered;
  }

  #asked(alive: boolean): void {
    this.#unanswered = alive ? 0 : this.#unanswered + 1;
    if (this.#silent && this.#state === 'up') this.#enter('ejected');
    if (alive && this.#state === 'ejected' && !this.health.ejected) this.#enter('up');
  }

  #enter(state: BackendState): void {
    this.#state = state;
    this.#since = new Date();
    this.#onState(this);
  }
}

/** The name of the backend of this URL: without a slash at its end, a query and a fragment. */
export function nameOf(url: URL): string {
  return url.origin + basePathOf(url);
}

/** The path below which everything of a URL stands; empty for all of its host. */
export function basePathOf({ pathname }: URL): string {
  return pathname.replace(/\/+$/, '');
}

/**
 * What Node sets of a socket's options, whatever they are: a field that it has to add makes a connection half as dear again in
 * Node 20 (ARCHITECTURE.md).
 */
const setByNode = { allowHalfOpen: undefined, emitClose: undefined, autoDestroy: undefined, decodeStrings: undefined };

function tlsOptions({ ca, ...rest }: BackendTls): buildConnector.BuildOptions {
  return ca === undefined ? rest : { ...rest, ca: typeof ca === 'string' || Buffer.isBuffer(ca) ? ca : [...ca] };
}
