import { Client, buildConnector } from 'undici';
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
  health: HealthSettings;
}

/** `up` takes sessions; `ejected` is left alone after failures; `draining` finishes what runs; `drained` has. */
export type BackendState = 'up' | 'ejected' | 'draining' | 'drained';

/** A backend as `proxy.backends.list()` tells of it. */
export interface BackendFigures {
  /** Origin, and path when it has one: the name of the backend in events and for `drain` and `remove`. */
  url: string;
  state: BackendState;
  /** Since when it is in this state. */
  since: Date;
  weight: number;
  /** CWMP sessions open on it. */
  sessions: number;
  /** Requests it has not yet answered. */
  inFlight: number;
  /** Failures to connect or to answer in time since the last success. */
  failures: number;
}

/** The longest delay a Node timer takes. */
const noLimitMs = 2_147_483_647;

/** One ACS behind the proxy. */
export class Backend {
  /** Origin, and path when it has one: the name of this backend. */
  readonly url: string;
  /** Scheme, host and port. */
  readonly origin: string;
  /** Path that stands in front of every request target; empty in most cases. */
  readonly basePath: string;
  readonly weight: number;
  /** CWMP sessions open on it. */
  sessions = 0;
  /** Requests it has not yet answered. */
  inFlight = 0;
  /** What smooth weighted round robin counts with (the pool's). */
  credit = 0;
  readonly health: Health;
  readonly #settings: BackendSettings;
  readonly #connector: buildConnector.connector;
  readonly #onState: (backend: Backend) => void;
  #state: BackendState = 'up';
  #since = new Date();

  /** @param onState Called after each change of {@link Backend.state}. */
  constructor(settings: BackendSettings, onState: (backend: Backend) => void) {
    const { url, tls, connectTimeoutMs } = settings;
    this.basePath = url.pathname.replace(/\/+$/, '');
    this.origin = url.origin;
    this.url = url.origin + this.basePath;
    this.weight = settings.weight;
    this.health = new Health(settings.health);
    this.#settings = settings;
    this.#onState = onState;
    // One for all connections of this backend: they share its cache of TLS sessions.
    this.#connector = buildConnector({ ...tlsOptions(tls), timeout: connectTimeoutMs });
  }

  get state(): BackendState {
    return this.#state;
  }

  /** Whether a session may begin on it now. */
  admits(now: number): boolean {
    const takesNew = this.#state === 'up' || this.#state === 'ejected';
    return takesNew && this.sessions < this.#settings.maxSessions && this.health.admits(now);
  }

  /** Whether only the limit on its sessions keeps a new one away. */
  get full(): boolean {
    return this.#state === 'up' && this.sessions >= this.#settings.maxSessions;
  }

  /**
   * A connection of its own for one CPE. An ACS binds the session and the Digest nonce to the socket, so the connection
   * is shared with nobody, and idle it stays open for as long as the ACS and the session let it.
   */
  openConnection(): Client {
    return new Client(this.origin, {
      connect: this.#connector,
      pipelining: 1,
      headersTimeout: this.#settings.headersTimeoutMs,
      bodyTimeout: this.#settings.bodyTimeoutMs,
      // undici would close an idle connection two seconds before a `Keep-Alive: timeout` of the ACS runs out. A CPE does
      // not: the ACS closes, and the session's own idle time is the limit.
      keepAliveTimeout: noLimitMs,
      keepAliveMaxTimeout: noLimitMs,
      keepAliveTimeoutThreshold: -noLimitMs,
    });
  }

  /** Opens a bare connection, TLS included, and closes it again; rejects when that fails. */
  tryConnection(): Promise<void> {
    const { protocol, hostname, host, port } = this.#settings.url;
    return new Promise((resolve, reject) => {
      this.#connector({ protocol, hostname: hostname.replace(/^\[|\]$/g, ''), host, port }, (...[error, socket]) => {
        socket?.destroy();
        if (error === null) resolve();
        else reject(error);
      });
    });
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
    if (this.health.succeeded() && this.#state === 'ejected') this.#enter('up');
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

  figures(): BackendFigures {
    const { url, weight, sessions, inFlight } = this;
    return { url, state: this.#state, since: this.#since, weight, sessions, inFlight, failures: this.health.failures };
  }

  #enter(state: BackendState): void {
    this.#state = state;
    this.#since = new Date();
    this.#onState(this);
  }
}

function tlsOptions({ ca, ...rest }: BackendTls): buildConnector.BuildOptions {
  return ca === undefined ? rest : { ...rest, ca: typeof ca === 'string' || Buffer.isBuffer(ca) ? ca : [...ca] };
}
