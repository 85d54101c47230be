import { EventEmitter } from 'node:events';
import type { BackendFigures } from '../backends/backend.js';
import type { WakeEvent } from '../connection-request/result.js';
import type { CwmpProxyError } from '../errors.js';
import type { SessionEnd } from '../sessions/session.js';
import type { CwmpMessage, DeviceId } from '../soap/message.js';

/** A CWMP session began or ended. */
export interface SessionEvent {
  /** Names the session. */
  session: string;
  /** Name of the backend it is on. */
  backend: string;
}

/** A CWMP session ended. */
export interface SessionEndEvent extends SessionEvent {
  /**
   * Why: `complete` by the ACS's empty answer, `refused` by an answer of 400 or more other than 401, `cpe-gone` with the CPE's connection and no return, `idle` by its quiet time,
   * `failed` with the backend, `superseded` by a new Inform of the same CPE, `removed` with its backend, `closed` with the
   * proxy.
   */
  why: SessionEnd;
}

/** A CWMP message of a CPE on its way to a backend, or into the ACS in whose process the proxy is. */
export interface MessageEvent {
  /** Names the session; `undefined` for a message that `rewriteInform` hands to the ACS in its own process. */
  session: string | undefined;
  /** Name of the backend; `undefined` as above. */
  backend: string | undefined;
  /** What the message was. */
  message: CwmpMessage;
}

/** A backend has answered a request of a CPE, and the CPE has the answer. */
export interface ExchangeEvent extends SessionEvent {
  /** Method of the request. */
  method: string;
  /** Status of the answer. */
  status: number;
  /** From the whole request to the whole answer, in milliseconds. */
  ms: number;
}

/** An Inform of a CPE. */
export interface InformEvent extends MessageEvent {
  /** Who informs; `undefined` when the Inform holds no readable DeviceId. */
  device: DeviceId | undefined;
  /** Event codes, `6 CONNECTION REQUEST` for instance. */
  events: readonly string[];
  /** The CPE's own ConnectionRequestURL, when the Inform holds one; a user, a password and the values of its query are `…`. */
  url: string | undefined;
}

/** An Inform that is not believed. */
export interface InformRefusedEvent extends InformEvent {
  /** Status by which the ACS answered; `undefined` when it gave no whole answer. */
  status: number | undefined;
  /** `status`: the ACS did not answer with 2xx. `identity`: `cpeAuth` knows the CPE as another device than its DeviceId says. */
  why: 'status' | 'identity';
}

/** An exchange that failed; it cost nothing but itself. */
export interface FailureEvent {
  /** What went wrong; never holds a secret or a body. */
  error: CwmpProxyError;
  /** Method of the request. */
  method: string;
  /** For whom the request was: `acs`, a CPE's message; `cpe`, an ACS's connection request; `page`, the status page. */
  target: 'acs' | 'cpe' | 'page';
  /** Names the session it belonged to, as in the other events; `undefined` when it failed before it had one. */
  session: string | undefined;
  /** Name of the backend of that session; `undefined` as above. */
  backend: string | undefined;
}

/**
 * What a warning is about; `KEEP_ALIVE_TIMEOUT` and `FORWARDED_IGNORED` are told once, the others at most once a minute:
 * - `KEEP_ALIVE_TIMEOUT`: the host's server closes a connection that is quiet for less than 30 s, and with it the session of a CPE
 *   that thinks for longer; once for each server
 * - `URL_TOO_LONG`: a rewritten URL has more than the 256 characters that most data models give the parameter
 * - `SESSION_LIMIT`: `limits.maxSessions` or a backend's own `maxSessions` refuses CPEs; each refusal is a `failure` with
 *   `ERR_CWMP_BUSY` too
 * - `ADDRESS_LIMIT`: `limits.maxSessionsPerAddress` or `limits.maxConnectionsPerAddress` refuses a client; the message names its
 *   address. Each refusal is a `failure` with `ERR_CWMP_BUSY` too
 * - `HELD_BYTES_LIMIT`: bodies found no room in `limits.maxHeldTotalBytes`; each is a `failure` with `ERR_CWMP_BUSY` too
 * - `WAKE_STORE`: the store that instances share (`connectionRequests.store`) fails; wakes go on as if this instance were alone
 * - `ACCESS_REFUSED`: an ACS has answered a challenge of the endpoint wrongly
 * - `LOCAL_RESOURCES`: this machine lacks what a connection needs, file descriptors for instance; the message names the limit. No
 *   backend and no CPE is taken for dead by that
 * - `FORWARDED_IGNORED`: `X-Forwarded-For` or `Forwarded` came in from an address that is not in `trustedProxies`
 * - `CLIENT_ADDRESS`: the function `clientAddress` threw, or gave something that is no IP address
 * - `LOOKUP`: the function `lookup` threw, gave something that is no IP address, or did not answer; `cause` is what it threw
 * - `CREDENTIALS`: the function `connectionRequests.credentials` threw, or gave something that is no pair; `cause` is what it threw
 * - `DEVICE_MISMATCH`: a CPE that `cpeAuth` knows as one device sent an Inform with the DeviceId of another, which is not believed
 * - `AMBIGUOUS_CPE`: two devices go on reporting one ConnectionRequestURL; the credentials of neither are used for it
 * - `RESPONSE_MISSING`: `rewriteRequest` was called without the response, so that no Inform is ever believed; told once
 * - `DIGEST_URI`: an ACS or a CPE knows its password, but has hashed another uri than the one it asked for; it is refused, and not
 *   counted as a guess
 */
export type WarningCode =
  | 'KEEP_ALIVE_TIMEOUT'
  | 'URL_TOO_LONG'
  | 'SESSION_LIMIT'
  | 'ADDRESS_LIMIT'
  | 'HELD_BYTES_LIMIT'
  | 'WAKE_STORE'
  | 'ACCESS_REFUSED'
  | 'LOCAL_RESOURCES'
  | 'FORWARDED_IGNORED'
  | 'CLIENT_ADDRESS'
  | 'LOOKUP'
  | 'CREDENTIALS'
  | 'DIGEST_URI'
  | 'DEVICE_MISMATCH'
  | 'AMBIGUOUS_CPE'
  | 'RESPONSE_MISSING';

/** Something in the surroundings that will make trouble. */
export interface WarningEvent {
  /** What the warning is about. */
  code: WarningCode;
  /** What is wrong and what to do about it. */
  message: string;
  /** What was thrown, where something was. */
  cause?: unknown;
}

/**
 * The events of a proxy. None is named `error`: a fault costs its own exchange and needs no listener. What a listener throws
 * is thrown into the process a tick later, so that it costs no exchange.
 */
export interface CwmpProxyEvents {
  /** A CWMP session began: its first message goes to the backend whose turn it was. */
  sessionStart: [SessionEvent];
  /** A CWMP session ended. */
  sessionEnd: [SessionEndEvent];
  /** A CWMP message of a CPE was read. */
  message: [MessageEvent];
  /** An Inform is sent on, after its `message`. Nothing that it says is believed yet. */
  informPending: [InformEvent];
  /**
   * An ACS has accepted an Inform: it answered with 2xx; before the `exchange`. What is learnt of CPEs is learnt from these
   * alone, because anybody can send an Inform in another one's name.
   */
  inform: [InformEvent];
  /** An Inform was not accepted; what it says is not believed. A CPE that is challenged first has one for each 401. */
  informRefused: [InformRefusedEvent];
  /** A backend has answered a request of a CPE. */
  exchange: [ExchangeEvent];
  /** A wake ended, however it went. */
  wake: [WakeEvent];
  /** A backend changed its state. */
  backend: [BackendFigures];
  /** An exchange failed. */
  failure: [FailureEvent];
  /** Something in the surroundings will make trouble. */
  warning: [WarningEvent];
}

/** Emits the events of one proxy; each has one argument, a plain object. */
export class CwmpProxyEmitter extends EventEmitter<CwmpProxyEvents> {}

/** Listeners for some events of a proxy. */
export type EventListeners = { [Name in keyof CwmpProxyEvents]?: (...event: CwmpProxyEvents[Name]) => void };

/** Listens for some events of a proxy. Returns a function that stops it. */
export function subscribe(proxy: CwmpProxyEmitter, listeners: EventListeners): () => void {
  // Each name by itself, so that each listener is checked against its own event.
  function change(method: 'on' | 'off'): void {
    if (listeners.sessionStart !== undefined) proxy[method]('sessionStart', listeners.sessionStart);
    if (listeners.sessionEnd !== undefined) proxy[method]('sessionEnd', listeners.sessionEnd);
    if (listeners.message !== undefined) proxy[method]('message', listeners.message);
    if (listeners.informPending !== undefined) proxy[method]('informPending', listeners.informPending);
    if (listeners.inform !== undefined) proxy[method]('inform', listeners.inform);
    if (listeners.informRefused !== undefined) proxy[method]('informRefused', listeners.informRefused);
    if (listeners.exchange !== undefined) proxy[method]('exchange', listeners.exchange);
    if (listeners.wake !== undefined) proxy[method]('wake', listeners.wake);
    if (listeners.backend !== undefined) proxy[method]('backend', listeners.backend);
    if (listeners.failure !== undefined) proxy[method]('failure', listeners.failure);
    if (listeners.warning !== undefined) proxy[method]('warning', listeners.warning);
  }
  change('on');
  return () => change('off');
}

/**
 * A URL as it may stand in an event: a user and a password in it become `…`, and so do the values of its query and its fragment. It may
 * be no URL, so what could be read as a user in one is none of anybody's either.
 */
export function shownUrl(url: string): string {
  const [, before = '', query, fragment] = /^([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/s.exec(url) ?? [];
  const place = before.replace(/^(\s*(?:[a-z][a-z\d+.-]*:)?[/\\]+)?[^/\\]*@/i, '$1…@');
  const shown = query
    ?.split('&')
    .map((pair) => (pair.includes('=') ? `${pair.slice(0, pair.indexOf('='))}=…` : pair && '…'));
  return place + (shown === undefined ? '' : `?${shown.join('&')}`) + (fragment ? '#…' : '');
}
