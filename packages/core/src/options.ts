import type { Users } from './auth/basic.js';
import type { BackendTls } from './backends/backend.js';
import type { CredentialsSource } from './connection-request/credentials.js';

/** The options of {@link createCwmpProxy}. */
export interface CwmpProxyOptions {
  /**
   * Where the ACS reaches the mount point of the proxy: an absolute http(s) URL, with a path when it is mounted at one.
   * Every rewritten ConnectionRequestURL begins with it.
   */
  publicUrl: string | URL;
  /** The ACSs that take CWMP sessions in turn; at least one. */
  backends: readonly (string | URL | BackendOptions)[];
  /** Connection requests: who may ask for one, where it may go, what the CPE is told. */
  connectionRequests: ConnectionRequestOptions;
  /** How long a CWMP session lives, and how its CPE is recognised. */
  sessions?: SessionOptions;
  /** When a backend that fails is left alone. */
  health?: HealthOptions;
  /** What a backend is told of the CPE's side, and how paths are mapped. */
  forwarding?: ForwardingOptions;
  /** How long to wait for whom. */
  timeouts?: TimeoutOptions;
  /** How much may be used at once. */
  limits?: LimitOptions;
}

/** One ACS. */
export interface BackendOptions {
  /** Absolute http(s) URL; a path stands in front of every request target. */
  url: string | URL;
  /** Share of the sessions in relation to the other backends, 1 to 1 000. Default 1. */
  weight?: number;
  /** Most CWMP sessions on it at once; more go to the others, or get 503. Default: no limit of its own. */
  maxSessions?: number;
  /** TLS towards an https backend. */
  tls?: BackendTls;
}

/** Connection requests (TR-069 A6 §3.2.2). */
export interface ConnectionRequestOptions {
  /**
   * Where a connection request may go: IP addresses and CIDR blocks (`10.0.0.0/8`, `fd00::/8`), checked on the address
   * that is dialled; or `'any'` for those who mean it. Without it the endpoint would be an open relay into the management
   * network, so there is no default.
   */
  allow: readonly string[] | 'any';
  /**
   * Who may ask for a connection request, by HTTP Basic: a map from user name to password, or a function that decides.
   */
  users: Users;
  /**
   * What a CPE is told when it asks for Digest: one pair, several to try in turn, or a function of the CPE. Without it only
   * CPEs that ask for nothing can be woken.
   */
  credentials?: CredentialsSource;
  /**
   * Longest time for all legs of a connection request that an ACS asked for, in milliseconds. Default 1 800: GenieACS
   * gives up after 2 000.
   */
  timeoutMs?: number;
}

/** How long a CWMP session lives, and how its CPE is recognised. */
export interface SessionOptions {
  /**
   * Longest quiet time of a CWMP session before it is dropped, in milliseconds. Default 60 000: TR-069 A6 §3.7.1.4 lets
   * an ACS expire a session after 30 s without a POST, and a proxy must not be the one that is stricter. An Inform's
   * `SessionTimeout` raises it for its session.
   */
  idleTimeoutMs?: number;
  /**
   * How long a session and its backend connection wait for a CPE that closed its connection in mid-session and can be
   * recognised, in milliseconds. Default 5 000. A Fritz!Box reconnects after every 401.
   */
  graceMs?: number;
  /**
   * A cookie of the proxy's own that names the backend, signed with this key, for fleets of gateways that share no state:
   * all need the same key and the same backends. At least 16 characters. Default: none; CPEs keep few cookies (netcwmp one).
   */
  affinityKey?: string;
}

/** When a backend that fails is left alone. */
export interface HealthOptions {
  /** Failures in a row (no connection, no answer in time) after which a backend is left alone. Default 3. */
  maxFailures?: number;
  /** For how long the first time, in milliseconds; each further time in a row twice as long. Default 5 000. */
  ejectMs?: number;
  /** For how long at the most, in milliseconds. Default 300 000. */
  maxEjectMs?: number;
  /** Asks every backend from time to time. Default: not asked; sessions tell enough where there are many. */
  active?: ActiveHealthOptions;
}

/** How backends are asked whether they live. */
export interface ActiveHealthOptions {
  /** Time between two questions, in milliseconds. Default 5 000. */
  intervalMs?: number;
  /** An HTTP GET of this path; without it a TCP (and TLS) connection is opened and closed. */
  path?: string;
  /** Status that the GET must have. Default 200. */
  expectStatus?: number;
}

/** What a backend is told of the CPE's side, and how paths are mapped. */
export interface ForwardingOptions {
  /** The proxy's name in `Via` (RFC 9110 §7.6.3), or `false` for none. Default `'cwmp-proxy'`. */
  via?: string | false;
  /**
   * Which fields tell of the CPE's address, scheme and host: `X-Forwarded-For`, `-Proto` and `-Host`, or `Forwarded`
   * (RFC 7239), or none. Default `'x-forwarded'`. GenieACS asks CPEs for Basic instead of Digest when `Forwarded` says
   * `proto=https`.
   */
  forwarded?: 'x-forwarded' | 'forwarded' | 'none';
  /**
   * Copies of these fields that come in: `'replace'` drops them, because a CPE can write anything; `'append'` keeps and
   * extends them, for a proxy behind a load balancer of one's own. Default `'replace'`.
   */
  incoming?: 'append' | 'replace';
  /**
   * Whether a CPE's TLS client certificate is told in `Client-Cert` (RFC 9440), when the host's server has verified it.
   * Incoming copies are dropped in any case. Default `false`.
   */
  clientCert?: boolean;
  /**
   * Path under which CPEs reach the proxy and which the backends do not know, `/cwmp` for instance: taken off the request
   * target, put back in `Location` and in the Path of cookies. Default: the target goes on unchanged.
   */
  mountPath?: string;
}

/** How long to wait for whom, in milliseconds. */
export interface TimeoutOptions {
  /** To connect to a backend, TLS included. Default 5 000: a CPE waits 30 s for all (TR-069 A6 §3.7.1.4). */
  connectMs?: number;
  /** For the head of a backend's answer. Default 30 000. */
  headersMs?: number;
  /** For the next byte of a backend's answer. Default 30 000. */
  bodyMs?: number;
  /** For the next byte of a CPE's request body, and for a CPE to take the next byte of its answer. Default 30 000. */
  requestMs?: number;
}

/** How much may be used at once. */
export interface LimitOptions {
  /**
   * Longest body held in memory, in bytes, in either direction. Default 65 536: a held body is sent with its exact length;
   * a longer one is streamed. TR-069 A6 §3.5 asks both ends to take requests of 32 768.
   */
  maxHeldBytes?: number;
  /**
   * Longest request body of a CPE, in bytes; longer ones get 413. Default: no limit, because TR-069 A6 §3.5 sets none and
   * what is not held costs no memory.
   */
  maxBodyBytes?: number;
  /**
   * Most bytes that a compressed body may expand to; more gets 413. Default 16 777 216. It may also expand to a hundred
   * times its own length at the most, once that is over 1 MiB.
   */
  maxDecodedBytes?: number;
  /**
   * Most CWMP sessions at once; the last tenth is kept for Informs. More get 503 with a `Retry-After` of their own.
   * Default 20 000.
   */
  maxSessions?: number;
}
