import type { SessionPhase } from './session.js';

/** What is known of a key that a request shows on a new connection. */
export interface KnownKey {
  readonly kind: 'cookie' | 'nonce' | 'address';
  /** Whether it was given at another address than the request comes from. */
  readonly isElsewhere: boolean;
  /** Where the session stands that it was given in; `undefined` when that is gone. */
  readonly phase: SessionPhase | undefined;
  /** The device that it was given to, as far as it is known. */
  readonly device: string | undefined;
  /** Whether the session's CPE has left its connection, or shares it with others. */
  readonly isAway: boolean;
  /** Whether a request is under way in the session. */
  readonly isBusy: boolean;
  /** Whether the session has given other keys too. */
  readonly hasOthers: boolean;
}

/** A request on a new connection, as far as its recognition depends on it. */
export interface Recognisable {
  readonly isInform: boolean;
  /** The device that an Inform names. */
  readonly device: string | undefined;
  readonly answersChallenge: boolean;
  /** Whether it shows other keys too. */
  readonly showsOthers: boolean;
}

/**
 * - `continue`: it belongs to the session.
 * - `supersede`: the session ends, and the next one begins on its backend.
 * - `begin here`: a session begins on the backend that knows the key.
 * - `ignore`: the key tells nothing of this request.
 */
export type Recognition = 'continue' | 'supersede' | 'begin here' | 'ignore';

/** Whether a key is also another CPE's, and tells none from the other. */
export function isOfTwo({ kind, isElsewhere, device }: KnownKey, request: Recognisable): boolean {
  if (!request.isInform || isElsewhere) return false;
  return isAnother(device, request.device) || (kind === 'address' && request.device === undefined);
}

/** Where a request on a new connection goes by a key that it shows (ARCHITECTURE.md has the table). */
export function decide(known: KnownKey, request: Recognisable): Recognition {
  const { kind, isElsewhere, phase, isAway } = known;
  const { isInform } = request;
  // A key that no ACS made for one CPE alone may be shown by a stranger, whom it may lead to the same ACS and no further.
  if (isElsewhere && isInform) return 'ignore';
  if (isOfTwo(known, request)) return kind === 'address' ? 'ignore' : 'begin here';
  if (phase === undefined || isElsewhere) return 'begin here';
  // Who shows cookies or nonces, but none that the session was given, is not its CPE.
  if (kind === 'address' && request.showsOthers && known.hasOthers) return 'ignore';
  const isSameDevice = request.device !== undefined && request.device === known.device;
  if (isInform && !(isBeginning(phase) && (request.answersChallenge || isSameDevice))) {
    // The CPE gave its session up and starts over: it meets the same ACS, on a connection as new as its own.
    return isAway || isSameDevice ? 'supersede' : 'begin here';
  }
  // While its CPE's connection stands, only a nonce that was made for this CPE takes it to another: a Fritz!Box connects
  // anew after each 401.
  return !known.isBusy && (isAway || kind === 'nonce') ? 'continue' : 'begin here';
}

/** Whether the message that begins a session may come again: the ACS has not taken it yet. */
export function isBeginning(phase: SessionPhase): boolean {
  return phase === 'opening' || phase === 'challenged';
}

/** Whether two devices are known to be two. */
export function isAnother(one: string | undefined, other: string | undefined): boolean {
  return one !== undefined && other !== undefined && one !== other;
}
