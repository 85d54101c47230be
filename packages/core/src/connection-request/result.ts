/**
 * How a wake ended.
 *
 * - `accepted`: the CPE answered 200 or 204; it promises to open a session within 30 s (TR-069 A6 §3.2.2).
 * - `informed`: its Inform with `6 CONNECTION REQUEST` has passed this proxy.
 * - `no-inform`: it answered 200 or 204, but no such Inform came in the time that was given.
 * - `busy`: it answered 503, being in a session or over its rate limit.
 * - `credentials-refused`: it answered 401 to each of the credentials.
 * - `no-credentials`: it asks for credentials and there are none for it.
 * - `unknown`: it asks for credentials, a function gave none, and no Inform has told which device it is, or that was forgotten
 *   (`limits.maxDevices`).
 * - `scheme-unsupported`: none of its challenges can be answered, or only with Basic, which is not allowed.
 * - `refused`: it answered with another status, a redirect for instance; redirects are never followed.
 * - `unreachable`: no connection, or no address for the name.
 * - `timeout`: the time ran out; the last leg says where.
 * - `protocol-error`: what came is no HTTP answer, or none came before the CPE closed.
 * - `forbidden`: the policy does not let a wake go there; no packet has left.
 * - `bad-origin`: the origin is not an http or https URL that a CPE can be reached by.
 * - `overloaded`: too many wakes are waiting already, or its turn did not come in time, or its CPE was silent and had to make room for
 *   others (the last leg is `turn`, see `limits.maxWakes`, `limits.maxConnecting` and `limits.maxLookups`); or this machine lacked a descriptor, a port, memory or a name server; the last
 *   leg names which (`EMFILE`). It says nothing about the CPE.
 * - `aborted`: the caller's signal, or the closing of the proxy, ended it.
 */
export type WakeOutcome =
  | 'accepted'
  | 'informed'
  | 'no-inform'
  | 'busy'
  | 'credentials-refused'
  | 'no-credentials'
  | 'unknown'
  | 'scheme-unsupported'
  | 'refused'
  | 'unreachable'
  | 'timeout'
  | 'protocol-error'
  | 'forbidden'
  | 'bad-origin'
  | 'overloaded'
  | 'aborted';

/** One step of a wake, as it went. */
export interface WakeLeg {
  /**
   * `resolve`: looking up the name; `connect`: opening the connection (TLS included); `request`: the GET without
   * credentials; `credentials`: asking the function for them; `answer`: the GET with credentials; `turn`: waiting for the
   * wakes before it, and for the least time between two wakes of a CPE; `pause`: waiting before another attempt; `inform`:
   * waiting for the Inform.
   */
  readonly what: 'resolve' | 'connect' | 'request' | 'credentials' | 'answer' | 'turn' | 'pause' | 'inform';
  /** Status that the CPE answered with, if it did. */
  readonly status?: number;
  /** How long it took, in milliseconds. */
  readonly ms: number;
  /**
   * What went wrong: an error code of the system (`ECONNREFUSED`), or `timeout`, `aborted`, `forbidden`, `closed` (the
   * CPE closed without an answer), `silent` (no answer came in half the time that was left, so the CPE is asked on a
   * second connection too, and the next leg is the wait for an answer on either), `overloaded` (it had to make room for others), `not HTTP`, `head too long`. Never text that
   * a CPE has sent.
   */
  readonly error?: string;
}

/** Who a CPE says it is: the DeviceId of its Informs, as far as it is known. */
export interface WakeDevice {
  readonly manufacturer?: string | undefined;
  readonly oui?: string | undefined;
  readonly productClass?: string | undefined;
  readonly serialNumber?: string | undefined;
}

/** An Inform that passed this proxy. */
export interface InformNotice {
  /** Its real ConnectionRequestURL, as the CPE wrote it. */
  readonly url: string;
  /** Its event codes. */
  readonly events: readonly string[];
  /** Its DeviceId. */
  readonly device?: WakeDevice | undefined;
  /** How long ago it came, in milliseconds: it is told of when its ACS has accepted it. Absent: just now. */
  readonly ageMs?: number;
  /** Names the CWMP session it began, as in the proxy's events; absent where the ACS is in the proxy's own process. */
  readonly session?: string;
}

/** The truth about a wake: how it ended, and each leg of the way. */
export interface WakeResult {
  /** How it ended. */
  readonly outcome: WakeOutcome;
  /** The last status that the CPE answered with. Absent when none came. */
  readonly status?: number;
  /** How the CPE authenticated the wake, or tried to; `none` when it asked for nothing. Absent when it did not get so far. */
  readonly scheme?: 'none' | 'basic' | 'digest';
  /** The Digest algorithm that was answered with. */
  readonly algorithm?: string;
  /** The IP address that was dialled. */
  readonly address?: string;
  /** All legs in their order, over all attempts. */
  readonly legs: readonly WakeLeg[];
  /** The Inform that was waited for. */
  readonly inform?: InformNotice;
  /** How long the call took in all, in milliseconds, waiting for its turn included. */
  readonly ms: number;
}

/** A wake that has ended, for the `wake` event. */
export interface WakeEvent extends WakeResult {
  /** Equal for calls that shared one request to the CPE. */
  readonly id: string;
  /** The origin that was to be woken, as it was given. */
  readonly origin: string;
  /**
   * Set where the time of the ACS was over, or it had left, when the CPE was about to answer: the wake went on for up to 10 s, and this
   * is how it ended. The ACS is given it when it asks again meanwhile.
   */
  readonly late?: true;
}
