import type { IncomingMessage } from 'node:http';
import type { LookupFunction } from 'node:net';
import type { Users } from '../access/basic.js';
import type { CpeSecrets } from '../access/cpe-authenticator.js';
import type { OfferedAlgorithm } from '../access/digest-authenticator.js';
import type { BackendTls } from '../backends/backend-dialer.js';
import type { WakeTls } from '../connection-request/transports/cpe-connection.js';
import type { CredentialsSource } from '../connection-request/credentials.js';
import type { WakeStore } from '../connection-request/wake/instances.js';
import type { UrlForm } from '../url/proxied-url.js';
import type { AllowedTarget } from '../policy/target-policy.js';

/** The options of {@link createCwmpProxy}. */
export interface CwmpProxyOptions {
  /**
   * Where the ACS reaches the mount point of the proxy: an absolute http(s) URL, with a path when it is mounted at one.
   * Every rewritten ConnectionRequestURL begins with it.
   */
  publicUrl: string | URL;
  /**
   * The ACSs that take CWMP sessions in turn; at least one. Default: none, for an ACS that has its own requests rewritten
   * in its own process (`rewriteInform`) and wants no second hop.
   */
  backends?: readonly (string | URL | BackendOptions)[] | undefined;
  /** Connection requests: who may ask for one, where it may go, what the CPE is told. */
  connectionRequests: ConnectionRequestOptions;
  /** Asks CPEs who they are before their messages reach a backend. Default: the ACS does that, end to end. */
  cpeAuth?: CpeAuthOptions | undefined;
  /** How long a CWMP session lives, and how its CPE is recognised. */
  sessions?: SessionOptions | undefined;
  /** When a backend that fails is ejected. */
  health?: HealthOptions | undefined;
  /**
   * Addresses and blocks of one's own proxies and load balancers in front (`['10.0.0.5', 'fd00::/8']`). On a connection from
   * one of them the client is read from `X-Forwarded-For`, or from `Forwarded` (RFC 7239) where there is no such field: the
   * rightmost address that is no trusted proxy. Its scheme, host and path prefix come from `Forwarded`, `X-Forwarded-Proto`,
   * `-Host` and `-Prefix`. A proxy named here must drop those of these fields that come from its
   * clients and that it does not write itself. The client's address is what guesses, limits, events and logs go by. Default: none; such fields
   * are ignored, and the first one is a `warning` `FORWARDED_IGNORED`.
   */
  trustedProxies?: readonly string[] | undefined;
  /**
   * Gives the client's address where only the host knows it, from a PROXY protocol header for instance: an IP address, or
   * `undefined` for that of the connection. Called for each request. Where it throws, or gives something else, the connection's
   * address is taken, and a `warning` `CLIENT_ADDRESS` tells the cause. `trustedProxies` applies to what it gives.
   */
  clientAddress?: ((request: IncomingMessage) => string | undefined) | undefined;
  /**
   * Looks up the names of CPEs and backends, as `lookup` of Node's `net.connect`; it is called with `{ all: true }`. Default: the proxy asks
   * the hosts file and the system's name servers itself, by the search domains and `ndots` of resolv.conf; it waits in no thread, ends what
   * nobody waits for any more, and keeps answers for their TTL, 1 s to 5 min. It knows no mDNS, no other sources of nsswitch.conf and no
   * suffixes that Windows or macOS keep elsewhere: `lookup: dns.lookup` does, and up to 4 names that nobody answers stop it for the whole
   * process (`UV_THREADPOOL_SIZE`). Where the function throws, gives what is no address, or does not answer within 4 s, the wake or the
   * request fails as by a shortage of this machine, and a `warning` `LOOKUP` tells the cause.
   */
  lookup?: LookupFunction | undefined;
  /** What a backend is told of the CPE's side, and how paths are mapped. */
  forwarding?: ForwardingOptions | undefined;
  /** How long to wait for whom. */
  timeouts?: TimeoutOptions | undefined;
  /** How much may be used at once. */
  limits?: LimitOptions | undefined;
}

/** One ACS. */
export interface BackendOptions {
  /** Absolute http(s) URL; a path stands in front of every request target, in the place of `forwarding.mountPath`. */
  url: string | URL;
  /** Share of the sessions in relation to the other backends, 1 to 1 000. Default 1. */
  weight?: number | undefined;
  /** Maximum number of CWMP sessions on it at once; more go to the others, or get 503. Default: no limit of its own. */
  maxSessions?: number | undefined;
  /** TLS towards an https backend. */
  tls?: BackendTls | undefined;
  /**
   * Own IP addresses from which connections to it come, in turn; those of the other family than its address are left out. Each has its
   * own local ports: on Linux 28 232, each in use for another minute where the proxy closes first. Default: the system chooses.
   */
  localAddress?: string | readonly string[] | undefined;
}

/** Connection requests (TR-069 A6 §3.2.2). */
export interface ConnectionRequestOptions {
  /**
   * Where a connection request may go, checked on the address that is dialled: IP addresses, CIDR blocks (`10.0.0.0/8`,
   * `fd00::/8`), host names, `*.` and a domain, each alone or with ports as `{ host, ports }`; or `'any'` for those who mean
   * every address there is. Addresses at which no CPE lives (loopback, link-local, multicast, cloud metadata, the backends'
   * own) are refused unless a block inside them is named: `127.0.0.0/8` names loopback, `0.0.0.0/0` does not. Default with
   * `urls.signingKeys`: every address that is not refused so. Without either the endpoint would be an open relay into the
   * management network: `ERR_CWMP_OPTION`.
   */
  allow?: readonly (string | AllowedTarget)[] | 'any' | undefined;
  /**
   * Who may ask for a connection request: a plain object from user name to password, for Digest and Basic; or a function that
   * decides, for Basic, and whose failure is a 503 (`ERR_CWMP_USERS_UNAVAILABLE`) and no guess. Needed unless `access` names an htpasswd file or modes that ask
   * for no user.
   */
  users?: Users | undefined;
  /**
   * What a CPE is told when it asks for Digest: one pair, several to try in turn, or a function of the CPE. Without it only
   * CPEs that ask for nothing can be woken.
   */
  credentials?: CredentialsSource | undefined;
  /**
   * Whether Basic is spoken to a CPE that offers no Digest. Default `false`: Basic hands the password to whoever answers at that
   * address.
   */
  allowBasic?: boolean | undefined;
  /** How TLS is done towards CPEs with an https origin. Default: their certificates must be from a well-known authority. */
  tls?: WakeTls | undefined;
  /**
   * Maximum time from a request of an ACS to its answer, in milliseconds: the check of who asks, waiting and all legs. Default 1 800:
   * GenieACS gives up after 2 000. It begins anew with each request. Where a CPE is about to answer when it ends, the wake goes on for
   * up to 10 s (`wake` with `late`), and the same ACS is given its outcome when it asks again meanwhile.
   */
  timeoutMs?: number | undefined;
  /** Status for an ACS whose CPE was not reached. Default 503, which GenieACS reads as "Device is offline". */
  unreachableStatus?: 502 | 503 | 504 | undefined;
  /** Status for an ACS where the time ran out. Default 503, as for `unreachableStatus`; 504 is what HTTP would say. */
  timeoutStatus?: 502 | 503 | 504 | undefined;
  /**
   * What the instances of a proxy share, `redisWakeStore(client)` for instance: then a wake that one of them is asked for
   * resolves by the Inform that passes another, and a CPE gets one wake at a time from all of them together. Default: each
   * instance by itself. Where it fails, a `warning` `WAKE_STORE` says so and wakes go on alone.
   */
  store?: WakeStore | undefined;
  /** What the rewritten URLs look like. */
  urls?: UrlOptions | undefined;
  /** How those who ask show who they are. */
  access?: AccessOptions | undefined;
}

/**
 * How an ACS shows who it is. `digest` and `basic` check it against the users. `forward` asks for Basic, checks nothing, and
 * answers the CPE's Digest with the pair: the CPE decides. `relay` hands the CPE's own Digest challenge to the ACS and the answer
 * to the CPE, so that no secret is known here: in the `host` form of the URLs with every CPE, in the others with those that hash
 * the uri of the header. What cannot be relayed is asked for by `digest` or `basic` beside it, if there are `credentials`.
 */
export type AccessMode = 'digest' | 'basic' | 'forward' | 'relay';

/** How those who ask for a connection request show who they are. */
export interface AccessOptions {
  /**
   * In which ways, the challenges in one field each: Digest, then Basic, which is the order that GenieACS takes. Default
   * `['digest', 'basic']` with users in a map, else `['basic']`. `forward` goes with no other; it and `relay` need signed URLs
   * or addresses in `allow`. Basic needs TLS or a trusted network.
   */
  modes?: readonly AccessMode[] | undefined;
  /**
   * Path of an htpasswd file with bcrypt (cost 4 to 14), apr1 or SHA hashes, in place of `users`, for Basic; read once. Hashes are
   * computed on a thread of their own, and a pair that passed is remembered for a minute.
   */
  htpasswd?: string | undefined;
  /** Realm of the challenges: printable ASCII without quotes and backslashes. Default `'cwmp-proxy'`. */
  realm?: string | undefined;
  /**
   * Digest algorithms to offer, a challenge for each. Default `['MD5']`, the one every ACS knows; GenieACS takes no two.
   */
  algorithms?: readonly OfferedAlgorithm[] | undefined;
  /**
   * Whether a Digest answer must be for the request target (RFC 7616 §3.4.6). Default `true`. With `false` an ACS that hashes
   * another uri passes: Oktopus, or any behind a reverse proxy that strips a prefix; nonces are good once even so.
   */
  compareUri?: boolean | undefined;
  /**
   * Key of at least 16 characters that all instances of the proxy share, so that a Digest answer is good at each of them: an ACS may
   * answer a challenge on a new connection, which a balancer or `node:cluster` leads to another instance. Nonces are good for 60 s
   * then, and clocks must agree within that time. Each instance counts the uses itself: an answer that somebody has overheard can be
   * repeated once at each other instance, for the same URL. Default: none; a Digest answer is good at the instance that asked, for 5 min.
   */
  nonceKey?: string | undefined;
  /**
   * Wrong answers of one client address (an IPv6 /64) after which it gets 429, forgiven one after the other over a minute.
   * Default 20. At most 10 000 addresses are counted. What a CPE refuses in `forward` and `relay` counts at the address and port that
   * was dialled; at all ports of an address together four times as many are taken.
   */
  maxFailures?: number | undefined;
}

/** What the URLs look like that an ACS gets to see in place of the CPEs' own. */
export interface UrlOptions {
  /**
   * How the CPE's own URL stands in the rewritten one. `query`: `<publicUrl>/client?origin=<URL>`, readable. `path`:
   * `<publicUrl>/client/<token>`, for ACSs that mis-parse nested URLs (Oktopus); deflated where it had more than 256
   * characters. `host`: `<token>.<hostBase>/<the CPE's own path>`, for Digest end to end with every CPE; what fits no host
   * name is written as `path`. All three are read, whichever is written. Default `query`.
   */
  form?: UrlForm | undefined;
  /**
   * Domain, with its port, below which every name leads to this proxy by wildcard DNS: `cr.isp.example:7547`. A domain of its
   * own: each request for a name below it is taken for a connection request. Needed for the `host` form.
   */
  hostBase?: string | undefined;
  /**
   * Keys of at least 16 characters that sign every rewritten URL (HMAC-SHA256, 128 bits). The first signs, all verify, so
   * that a new one can be put in front before an old one goes. With keys, a URL without a valid signature is refused (403).
   * Default: none, URLs are not signed.
   */
  signingKeys?: readonly string[] | undefined;
}

/**
 * CPEs show who they are to the proxy (TR-069 A6 §3.4.4); the backends must not challenge them then. A wrong answer gets 401,
 * and 429 after 20 of one user and address within a minute. It guards what goes to backends: an ACS in whose process the proxy
 * is asks CPEs itself, and `rewriteInform` refuses a proxy with it (`ERR_CWMP_OPTION`).
 */
export interface CpeAuthOptions {
  /**
   * A plain object from user name to password, or to `{ ha1 }`, H(username ":" realm ":" password) in hex; or a function of the
   * user, which is given the OUI, product class and serial number where the name is written as TR-069 wants it.
   */
  users: CpeSecrets;
  /** Default `['digest']`. Basic needs TLS, which TR-069 prefers it with. */
  schemes?: readonly ('digest' | 'basic')[] | undefined;
  /** Digest algorithms to offer, a challenge for each. Default `['MD5']`; SHA-256 may fail on old CPEs. */
  algorithms?: readonly OfferedAlgorithm[] | undefined;
  /** Realm of the challenges: printable ASCII without quotes and backslashes. Default `'cwmp-proxy'`. */
  realm?: string | undefined;
  /**
   * Whether a Digest answer must be for the request target (RFC 7616 §3.4.6). Default `true`. With `false` a CPE that hashes
   * another uri passes; nonces are good once even so.
   */
  compareUri?: boolean | undefined;
  /**
   * What happens to an Inform whose DeviceId is not the device that the CPE's user name names, where that is written as TR-069
   * A6 §3.4.4 wants it. `'report'`: it goes on and is not believed (`informRefused`, `warning` `DEVICE_MISMATCH`);
   * `'refuse'`: it gets 403 (`ERR_CWMP_DEVICE_MISMATCH`). Default `'report'`. A user name that CPEs share names no device.
   */
  onMismatch?: 'refuse' | 'report' | undefined;
  /**
   * Field that tells the backend the user name, `X-CPE-Identity` for instance; a copy that comes from the CPE is dropped.
   * Default: none.
   */
  identityHeader?: string | undefined;
  /** Basic pair that the proxy shows to the backends in place of the CPE. Default: none. */
  backendCredentials?: { username: string; password: string } | undefined;
}

/** How long a CWMP session lives, and how its CPE is recognised. */
export interface SessionOptions {
  /**
   * Maximum quiet time of a CWMP session before it is dropped, in milliseconds. Default 60 000: TR-069 A6 §3.7.1.4 lets
   * an ACS expire a session after 30 s without a POST, and a proxy must not be the one that is stricter. An Inform's
   * `SessionTimeout` raises it for its session, to an hour at the most.
   */
  idleTimeoutMs?: number | undefined;
  /**
   * How long a session and its backend connection wait for a CPE that closed its connection in mid-session and can be
   * recognised, in milliseconds. Default 5 000. A Fritz!Box reconnects after every 401.
   */
  graceMs?: number | undefined;
  /**
   * By what a CPE that opens a new connection in mid-session is recognised. Default `['cookie', 'nonce']`, which are always
   * in use: the ACS's own cookies, and the nonces of its Digest challenges. `'address'` in addition recognises a CPE that shows
   * neither by its address; for networks without NAT only. The risk: two CPEs behind one address may be taken for one, and a
   * message of one may reach the session of the other. An address is out of use for 10 minutes when two of its connections are
   * open at once, or when an Inform from it names another DeviceId or none that can be read.
   */
  recogniseBy?: readonly ('cookie' | 'nonce' | 'address')[] | undefined;
  /**
   * A cookie of the proxy's own that names the backend, signed with this key, for fleets of gateways that share no state:
   * all need the same key and the same backends. At least 16 characters. Default: none; CPEs keep few cookies (netcwmp one).
   */
  affinityKey?: string | undefined;
}

/**
 * When a backend that fails is ejected: it takes no sessions then, but one after its time to see whether it answers. While no
 * backend is up, each is asked whether it takes connections (or by `active`) at 0, 250 and 500 ms, then every second, and Informs
 * are tried on those that are ejected, one at a time for each; others wait for the outcome for up to `timeouts.connectMs`.
 */
export interface HealthOptions {
  /**
   * Failures in a row after which a backend is ejected. Default 3. A failure is: no connection; no answer in time; and what breaks
   * before the head of an answer, once for each client address (an IPv6 /64), so that one CPE whose message an ACS dies of ejects
   * nothing alone. Where all CPEs have one address, name your balancers in `trustedProxies` or use `active`.
   */
  maxFailures?: number | undefined;
  /** For how long the first time, in milliseconds; each further time in a row twice as long. Default 5 000. */
  ejectMs?: number | undefined;
  /** For how long at the most, in milliseconds. Default 300 000. */
  maxEjectMs?: number | undefined;
  /** Asks every backend from time to time. Default: not asked; sessions tell enough where there are many. */
  active?: ActiveHealthOptions | undefined;
}

/** How backends are asked whether they live. */
export interface ActiveHealthOptions {
  /** Time between two questions, in milliseconds. Default 5 000. */
  intervalMs?: number | undefined;
  /** An HTTP GET of this path; without it a TCP (and TLS) connection is opened and closed. */
  path?: string | undefined;
  /** Status that the GET must have. Default 200. */
  expectStatus?: number | undefined;
}

/** What a backend is told of the CPE's side, and how paths are mapped. */
export interface ForwardingOptions {
  /** The proxy's name in `Via` (RFC 9110 §7.6.3), or `false` for none. Default `'cwmp-proxy'`. */
  via?: string | false | undefined;
  /**
   * Which fields tell of the CPE's address, scheme and host: `X-Forwarded-For`, `-Proto` and `-Host`, or `Forwarded`
   * (RFC 7239), or none. Default `'x-forwarded'`. GenieACS asks CPEs for Basic instead of Digest when `Forwarded` says
   * `proto=https`.
   */
  forwarded?: 'x-forwarded' | 'forwarded' | 'none' | undefined;
  /**
   * Fields by which proxies assert who a client is (`X-Forwarded-User`, `X-SSL-Client-DN`; the list is in SECURITY.md), which
   * go on to the backend when one of `trustedProxies` sent them. From everybody else they are dropped. Default: none.
   */
  fromTrusted?: readonly string[] | undefined;
  /**
   * Whether a CPE's TLS client certificate is told in `Client-Cert` (RFC 9440), when the host's server has verified it.
   * Incoming copies are dropped in any case. Default `false`.
   */
  clientCert?: boolean | undefined;
  /**
   * Field that tells the backend the name of the session, as it stands in events, `X-CWMP-Session` for instance: with it the
   * ACS's log can be laid beside the proxy's. A copy that comes from the CPE is dropped. Default: none, the ACS sees what a
   * CPE would send.
   */
  sessionHeader?: string | undefined;
  /**
   * Path under which CPEs reach the proxy and which the backends do not know, `/cwmp` for instance: the path of the backend's URL
   * takes its place in the request target, as with nginx's `proxy_pass`, and is replaced by it in `Location` and in the Path of
   * cookies. With a backend `http://a/acs` a request for `/cwmp` reaches `/acs`, one for `/cwmp/x` reaches `/acs/x`. A slash at
   * the end of the option says nothing, one at the end of the backend's URL belongs to the path that `/cwmp` reaches. Default:
   * the target goes on unchanged.
   */
  mountPath?: string | undefined;
  /**
   * A message in a Content-Encoding that is not known (gzip, deflate and br are): `'pass'` hands it on as it came, its URL
   * unchanged, and its `message` event has the reason `content-coding`; `'reject'` answers 415, upon which a CPE drops
   * compression (TR-069 A6 §3.4.7). Default `'pass'`. A message that is not valid in a coding that is known is answered 400 in
   * either case (`ERR_CWMP_CONTENT_DECODING`).
   */
  unknownCoding?: 'pass' | 'reject' | undefined;
}

/** How long to wait for whom, in milliseconds. */
export interface TimeoutOptions {
  /** To connect to a backend, TLS included. Default 5 000: a CPE waits 30 s for all (TR-069 A6 §3.7.1.4). */
  connectMs?: number | undefined;
  /** For the head of a backend's answer. Default 30 000. For half of it others are tried where one can not be reached. */
  headersMs?: number | undefined;
  /** For the next byte of a backend's answer. Default 30 000. */
  bodyMs?: number | undefined;
  /** For the next byte of a CPE's request body, and for a CPE to take the next byte of its answer. Default 30 000. */
  requestMs?: number | undefined;
}

/** How much may be used at once. */
export interface LimitOptions {
  /**
   * Maximum size of a body held in memory, in bytes, in either direction. Default 65 536: a held body is sent with its exact length;
   * a longer one is streamed. TR-069 A6 §3.5 asks both ends to take requests of 32 768.
   */
  maxHeldBytes?: number | undefined;
  /**
   * Maximum number of bytes that all bodies in flight hold together, with a session or without one: bodies of requests, those of
   * `rewriteInform` too, answers that are held, and the decoders and encoders of compressed bodies. Default 134 217 728 (128 MiB);
   * at least 65 536. A quarter of it is for decoders and encoders, half of that for streams, and at most a quarter for answers. Above it a new body waits
   * until there is room, for at most `timeouts.requestMs`; then it gets 503 with a `Retry-After` (`ERR_CWMP_BUSY`), and a
   * `warning` `HELD_BYTES_LIMIT` names the option. An answer is never refused: where there is no room it is streamed. A client
   * address (an IPv6 /64) holds no more than it leaves free, and gets no more than a quarter while others wait. Above half, bodies that
   * bring less than 1 KB a second get 408 (`ERR_CWMP_REQUEST_TIMEOUT`); so do those of an address that holds more than a quarter
   * while others wait, if they take longer than a second. `stats().heldBytes` tells how much is held. The memory of the process
   * grows by at most twice this, and by what a connection costs.
   */
  maxHeldTotalBytes?: number | undefined;
  /**
   * Longest request body of a CPE, in bytes; longer ones get 413. Default: no limit, because TR-069 A6 §3.5 sets none and
   * what is not held costs no memory.
   */
  maxBodyBytes?: number | undefined;
  /**
   * Maximum number of bytes that a compressed body may expand to; more gets 413. Default 16 777 216. It may also expand to a hundred
   * times its own length at the most, once that is over 1 MiB. It is also the longest body that `rewriteInform` takes,
   * which holds messages whole.
   */
  maxDecodedBytes?: number | undefined;
  /**
   * Maximum number of CWMP sessions at once; the last tenth is kept for Informs. More get 503 with a `Retry-After` of their own.
   * Default 20 000.
   */
  maxSessions?: number | undefined;
  /**
   * Maximum of devices that are remembered with their ConnectionRequestURL, for a `credentials` function and for those who wait
   * for an Inform. Each takes at most 1 KB. Default 100 000. The one that informed longest ago is forgotten first; a wake of it
   * ends as `unknown` where it needs a device.
   */
  maxDevices?: number | undefined;
  /**
   * Maximum number of sessions of one client address; an IPv6 /64 counts as one. Those that have ended count while their
   * backend connection stands, and give way first. More get 503 with a `Retry-After` (`ERR_CWMP_BUSY`), and a `warning`
   * `ADDRESS_LIMIT` names the address. Default: a tenth of `maxSessions`, at least 1. Raise it where many CPEs share an
   * address (CGNAT, a load balancer that `trustedProxies` does not name). Clients without an address (a Unix socket) are not
   * limited.
   */
  maxSessionsPerAddress?: number | undefined;
  /**
   * Maximum number of connections of one client address on which a request has come, those of an ACS too; counted as for
   * `maxSessionsPerAddress`. More get 503 and are closed. Default: twice `maxSessionsPerAddress`, because a CPE that
   * reconnects has two for a moment, and at least 100. A connection on which no request has come is known to the host's server only: limit
   * those by `server.maxConnections`, `server.headersTimeout` and `server.keepAliveTimeout`.
   */
  maxConnectionsPerAddress?: number | undefined;
  /**
   * Maximum number of CPEs that wakes talk to at once. Default 256. More wait for their turn; one whose turn does not come in time ends
   * as `overloaded` (503). A CPE that is silent for longer than others take (60 to 500 ms) holds no turn while others wait.
   */
  maxWakes?: number | undefined;
  /**
   * Maximum number of CPEs that are being connected to at once, or are silent. Default 2 048; of one IPv4 /24 or IPv6 /64 at most 512, so
   * that a dead network keeps nobody else waiting. More wait; while they do, the CPE that has been silent for longest makes room, and
   * its wake ends as `overloaded` (503).
   */
  maxConnecting?: number | undefined;
  /**
   * Maximum number of names of CPEs that are looked up at once. Default 32, three quarters of them for one asker. More wait, and those who ask
   * take turns; while they do, a look-up that has had no answer for 300 ms makes room, and its wake ends as `overloaded` (503). Names of
   * backends wait for nobody.
   */
  maxLookups?: number | undefined;
  /**
   * Maximum number of requests in the mode `relay`, and of challenges held for 5 s each, of those who have not answered one rightly
   * within the hour. Default 256; at most 8 from one address (an IPv6 /64), and one for a CPE. More wait for up to `timeoutMs`, and
   * end as `overloaded` (503).
   */
  maxRelayed?: number | undefined;
}
