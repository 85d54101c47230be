import { CoolDown, type Visitor } from '../wake/cool-down.js';
import { FairLimit, type Guest } from '../wake/fair-limit.js';
import { KnownAskers } from '../wake/known-askers.js';
import { cpeKey, placeOf } from '../cpe-url.js';
import { RelayAttempt } from './relay-leg.js';
import { readAnswer, relayedChallenge } from './relay-fields.js';
import type { HeldChallenge, RelayTable } from './held-challenges.js';
import { hasRefusedCredentials } from '../transports/http-transport.js';
import type { AcsCall, Located, Wakes } from '../wake/wakes.js';
import type { WakeResult } from '../result.js';

/** Options of {@link Relay}. */
export interface RelayOptions {
  /** What wakes; it drops what the table holds of a CPE that it turns to. */
  readonly wakes: Pick<Wakes, 'relay' | 'refuse' | 'isRelaying' | 'hash'>;
  readonly table: RelayTable;
  /** Maximum number of requests and of challenges of askers that have shown nothing. */
  readonly maxRelayed: number;
}

/** A request to relay. */
export interface RelayRequest {
  /** The CPE. */
  readonly located: Located;
  /** The ACS's answer to an earlier challenge; none the first time. */
  readonly authorization: string | undefined;
  /** The address group that it comes from. */
  readonly asker: string;
  /** When it came, on the clock of `performance.now()`. */
  readonly since: number;
  /** Maximum time from then on, in milliseconds. */
  readonly timeoutMs: number;
  /** Aborted when the ACS has left. */
  readonly signal: AbortSignal;
  readonly onUnheard: AcsCall['onUnheard'];
}

/** What came of a request that was relayed. */
export type RelayAnswer = {
  /** Address of the CPE that has refused the answer of the ACS just now, if it has. */
  readonly refusedBy: string | undefined;
} & (
  | {
      /** The CPE asks for credentials. */
      readonly challenge: string;
    }
  | {
      readonly challenge?: undefined;
      /** How the wake ended; `scheme-unsupported` where the CPE's challenge cannot be relayed. */
      readonly result: WakeResult;
    }
);

/** Hands a request on, until the signal ends it. */
type Ask = (signal: AbortSignal, onMove: ((address: string) => Promise<void>) | undefined) => Promise<RelayAnswer>;

/** Maximum number of requests and challenges of one asker that has shown nothing. */
const maxOfAsker = 8;

/** How long one of them is left alone while others of its asker wait, in milliseconds. */
const patienceMs = 500;

/** Least time between two requests of such askers for one CPE, in milliseconds, whatever the path of its URL. */
const spacingMs = 250;

/**
 * Digest end to end between an ACS and a CPE, without a secret in between (RFC 7616 §3.6): the CPE's challenge goes to the ACS,
 * the ACS's answer to the CPE, on the same connection if it still stands. What is relayed is MD5 with `auth` or no qop, which
 * every ACS can answer; several challenges become one, `auth-int` goes, and the fields are put as the pickiest CPE wants them.
 *
 * Anybody may ask for a challenge. So a challenge that is held serves all who ask for one; who has never answered one rightly gets
 * a few at once; and an answer to one that is held goes before all others.
 */
export class Relay {
  readonly #options: RelayOptions;
  readonly #known = new KnownAskers();
  readonly #unknown: FairLimit;
  readonly #coolDown = new CoolDown(spacingMs);
  readonly #waits = new Set<AbortController>();

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#unknown = new FairLimit({
      places: options.maxRelayed,
      placesOfBlock: Math.min(maxOfAsker, options.maxRelayed),
      patienceMs: () => patienceMs,
    });
  }

  /** Hands on one request. Rejects as {@link Wakes.wake} does. */
  async ask(request: RelayRequest): Promise<RelayAnswer> {
    const { wakes, table } = this.#options;
    const { located, authorization, asker } = request;
    const { addresses, channel } = located;
    const given = authorization === undefined ? undefined : readAnswer(authorization);
    const held = this.#heldFor(located, given?.nonce);
    if (held !== undefined && given === undefined) return handed(held);
    const isNext = held !== undefined;
    const name = given === undefined ? '' : wakes.hash(String(authorization));
    const isKnown = isNext || this.#known.has(asker);
    // An answer goes where its challenge came from, though the name may lead elsewhere by now.
    const to: Located = isNext ? { ...located, addresses: [held.connection.address] } : located;
    const relayed = { given, table, channel, replaces: isKnown, onProven: () => this.#known.add(asker) };
    const relay: Ask = async (signal, onMove) => {
      const { result, challenge } = await wakes.relay({
        ...request,
        located: to,
        signal,
        name,
        isNext,
        onMove,
        attempt: (settings, record) => new RelayAttempt(settings, record, relayed),
      });
      const isRefused = given !== undefined && hasRefusedCredentials(result);
      const refusedBy = isRefused ? (result.address ?? addresses[0]) : undefined;
      return challenge === undefined ? { result, refusedBy } : { challenge: relayedChallenge(challenge), refusedBy };
    };
    if (isKnown || wakes.isRelaying(to, name, asker)) return relay(request.signal, undefined);
    return this.#asUnknown(request, given === undefined, relay);
  }

  /** Ends all, and closes what it holds. */
  close(): void {
    for (const wait of this.#waits) wait.abort('aborted');
    this.#options.table.close();
    this.#coolDown.clear();
  }

  /** The challenge of a CPE that is held, with this nonce if one is given. */
  #heldFor({ origin, addresses, channel }: Located, nonce: string | undefined): HeldChallenge | undefined {
    for (const address of addresses) {
      const held = this.#options.table.find(cpeKey(origin, address), channel);
      if (held !== undefined && (nonce === undefined || held.challenge.nonce === nonce)) return held;
    }
    return undefined;
  }

  /** One of few at once, and one at a time at a CPE. */
  async #asUnknown(request: RelayRequest, isFirst: boolean, relay: Ask): Promise<RelayAnswer> {
    const { table, wakes } = this.#options;
    const { located, asker, since, timeoutMs, signal } = request;
    const { origin, addresses } = located;
    let [address] = addresses;
    const ended = new AbortController();
    const onLeft = (): void => ended.abort('aborted');
    const crowdOut = (): void => ended.abort('overloaded');
    signal.addEventListener('abort', onLeft);
    const timer = setTimeout(crowdOut, Math.max(0, since + timeoutMs - performance.now())).unref();
    this.#waits.add(ended);
    let proceed = (): void => undefined;
    const start = (): void => proceed();
    ended.signal.addEventListener('abort', start);
    const stopListening = this.#known.whenKnown(asker, start);
    const place: Guest & { giveWay: () => void } = {
      block: asker,
      lane: cpeKey(origin, address),
      silentSince: 0,
      start,
      giveWay: crowdOut,
    };
    const visitor: Visitor = { block: '', lane: asker, start };
    const leave = (): void => this.#unknown.leave(place);
    const isFree = (): boolean => ended.signal.aborted || this.#known.has(asker);
    const itsTurn = (enter: () => void): Promise<void> =>
      new Promise((resolve) => {
        proceed = resolve;
        if (isFree()) resolve();
        else enter();
      });
    const enter = (): Promise<void> => itsTurn(() => this.#coolDown.enter(placeOf(origin, address), visitor, false));
    const leaveCpe = (): void => this.#coolDown.leave(placeOf(origin, address), visitor, true);
    const onMove = (next: string): Promise<void> => {
      leaveCpe();
      address = next;
      return enter();
    };
    let isHeld = false;
    try {
      await enter();
      await itsTurn(() => this.#unknown.enter(place));
      clearTimeout(timer);
      if (ended.signal.aborted) {
        const outcome = ended.signal.reason === 'overloaded' ? 'overloaded' : 'aborted';
        return { result: wakes.refuse(origin.text, outcome, since), refusedBy: undefined };
      }
      const before = isFirst ? this.#heldFor(located, undefined) : undefined;
      if (before !== undefined) return handed(before);
      const answer = await relay(ended.signal, onMove);
      const cpe = cpeKey(origin, address);
      const held = table.find(cpe, located.channel);
      if (held !== undefined && !this.#known.has(asker)) {
        // Its place is free when the challenge is answered, or held no more.
        isHeld = true;
        this.#unknown.heard(place);
        place.giveWay = () => table.drop(cpe);
        table.whenGone(cpe, held.challenge, leave);
      }
      return answer;
    } finally {
      if (!isHeld) leave();
      leaveCpe();
      clearTimeout(timer);
      stopListening();
      this.#waits.delete(ended);
      signal.removeEventListener('abort', onLeft);
    }
  }
}

function handed({ challenge }: HeldChallenge): RelayAnswer {
  return { challenge: relayedChallenge({ ...challenge, stale: false }), refusedBy: undefined };
}
