import { isIP, type LookupFunction } from 'node:net';
import { BoundedMap } from '../bounded-map.js';
import { inTurns } from '../in-turns.js';
import { localShortage } from '../http/local-shortage.js';
import type { Answer } from './answer.js';
import { noneKeptMs } from './dns-query.js';
import { askHost } from './host-lookup.js';
import { type Query, SystemNames } from './system-names.js';

/** One that waits for a name. */
export interface NameWaiter {
  /** Who asks; those who ask take turns. */
  readonly asker: string;
  /** Called once, unless it leaves before. */
  readonly onAnswer: (answer: Answer) => void;
  /** Called when a look-up that has waited for its turn begins. */
  readonly onStart?: () => void;
}

/** A look-up that waits for its turn, or has it. */
export interface LookupGuest {
  /** Kept by the limit. */
  silentSince: number;
  readonly block: string;
  readonly lane: string;
  /** It may begin. */
  readonly start: () => void;
  /** It has to end at once. */
  readonly giveWay: () => void;
}

/** How many look-ups there are at once. */
interface LookupLimit {
  /** Asks for a turn; `start` may be called at once. */
  enter(guest: LookupGuest): void;
  /** It is over, or waits no more. */
  leave(guest: LookupGuest): void;
}

/** What {@link Names} works with. */
export interface NamesSettings {
  /** The host's own function. Default: the names of the system. */
  readonly lookup?: LookupFunction | undefined;
  /** Called when it throws, gives what is no address, or does not answer. Must not throw. */
  readonly onFault?: ((fault: unknown) => void) | undefined;
  /** Default: as many at once as are asked for. */
  readonly limit?: LookupLimit;
}

interface Flight {
  readonly name: string;
  readonly waiters: Set<NameWaiter>;
  /** Its places in the limit, by who asks: until it begins it has one in the queue of each. */
  readonly guests: Map<string, LookupGuest>;
  isStarted: boolean;
  isOver: boolean;
  end: () => void;
}

interface Kept {
  readonly answer: Answer;
  /** On the clock of `performance.now()`. */
  readonly until: number;
}

/** Maximum time of one look-up, in milliseconds. */
const longestMs = 4_000;

/** Maximum of names whose answers are kept. */
const maxKept = 4_096;

/**
 * Finds what names stand for: one look-up for all who ask for the same name at the same time, which ends when the last of them has left.
 * Answers of name servers are kept for as long as these say, those of the host's own function are not.
 */
export class Names {
  readonly #settings: NamesSettings;
  readonly #system = new SystemNames();
  readonly #flights = new Map<string, Flight>();
  readonly #kept = new BoundedMap<string, Kept>(maxKept);

  constructor(settings: NamesSettings = {}) {
    this.#settings = settings;
  }

  /**
   * Asks for a name, in lower case. The answer where it is known; otherwise `onAnswer` is called with it, later.
   */
  ask(name: string, waiter: NameWaiter): Answer | undefined {
    const known = this.#settings.lookup === undefined ? this.#known(name) : undefined;
    if (known !== undefined) return known;
    const flight = this.#flights.get(name) ?? this.#newFlight(name);
    flight.waiters.add(waiter);
    const { limit } = this.#settings;
    if (limit === undefined) {
      this.#start(flight);
    } else if (!flight.isStarted && !flight.guests.has(waiter.asker)) {
      const guest: LookupGuest = {
        block: waiter.asker,
        lane: name,
        silentSince: 0,
        start: () => this.#start(flight, waiter.asker),
        giveWay: () => this.#end(flight, { code: 'overloaded' }),
      };
      flight.guests.set(waiter.asker, guest);
      limit.enter(guest);
    }
    return undefined;
  }

  /** Whether the look-up of a name waits for its turn. */
  isQueued(name: string): boolean {
    return this.#flights.get(name)?.isStarted === false;
  }

  /** It waits no more. */
  leave(name: string, waiter: NameWaiter): void {
    const flight = this.#flights.get(name);
    if (flight === undefined || !flight.waiters.delete(waiter)) return;
    if (flight.waiters.size === 0) this.#end(flight, { code: 'EAI_AGAIN' });
  }

  /** As Node's `net.connect` wants it. */
  readonly lookup: LookupFunction = (hostname, { all, family = 0 }, callback) => {
    const name = hostname.toLowerCase();
    const onAnswer = (answer: Answer): void => {
      if (!('addresses' in answer)) return callback(lookupError(name, answer.code), '', 0);
      const wanted = family === 'IPv4' ? 4 : family === 'IPv6' ? 6 : family;
      const found = answer.addresses
        .map((address) => ({ address, family: isIP(address) }))
        .filter((one) => wanted === 0 || one.family === wanted);
      const [first] = found;
      if (first === undefined) callback(lookupError(name, 'ENOTFOUND'), '', 0);
      else if (all === true) callback(null, found);
      else callback(null, first.address, first.family);
    };
    const known = this.ask(name, { asker: '', onAnswer });
    if (known !== undefined) process.nextTick(onAnswer, known);
  };

  /** Ends all. */
  close(): void {
    for (const flight of this.#flights.values()) this.#end(flight, { code: 'ECANCELED' });
    this.#kept.clear();
  }

  #known(name: string): Answer | undefined {
    try {
      if (this.#system.refresh()) this.#kept.clear();
    } catch (error) {
      this.#kept.clear();
      return { code: localShortage(error)?.code ?? 'EAI_AGAIN' };
    }
    const kept = this.#kept.get(name);
    if (kept !== undefined && performance.now() < kept.until) return kept.answer;
    const answer = this.#system.local(name);
    if (answer !== undefined) this.#kept.set(name, { answer, until: Infinity });
    return answer;
  }

  #newFlight(name: string): Flight {
    const flight: Flight = {
      name,
      waiters: new Set(),
      guests: new Map(),
      isStarted: false,
      isOver: false,
      end: () => undefined,
    };
    this.#flights.set(name, flight);
    return flight;
  }

  #start(flight: Flight, asker?: string): void {
    if (flight.isStarted) return;
    flight.isStarted = true;
    // It has one turn, and waits for no other.
    for (const [other, guest] of flight.guests) if (other !== asker) this.#leaveLimit(flight, other, guest);
    for (const { onStart } of flight.waiters) onStart?.();
    const { name } = flight;
    const { lookup } = this.#settings;
    const query = lookup === undefined ? this.#system.query(name) : this.#askHost(lookup, name);
    const timer = setTimeout(() => {
      if (lookup !== undefined) this.#settings.onFault?.(new Error(`lookup gave no answer within ${longestMs} ms`));
      this.#end(flight, { code: lookup === undefined ? 'EAI_AGAIN' : 'ELOOKUP' });
    }, longestMs).unref();
    flight.end = () => {
      clearTimeout(timer);
      query.cancel();
    };
    void query.answer.then((answer) => {
      if (flight.isOver) return;
      const keptMs = lookup !== undefined ? 0 : 'addresses' in answer ? answer.keptMs : noneKeptMs;
      if (keptMs > 0) this.#kept.set(name, { answer, until: performance.now() + keptMs });
      this.#end(flight, answer);
    });
  }

  #askHost(lookup: LookupFunction, name: string): Query {
    const answer = askHost(lookup, name).catch((fault: unknown): Answer => {
      this.#settings.onFault?.(fault);
      return { code: 'ELOOKUP' };
    });
    return { answer, cancel: () => undefined };
  }

  #end(flight: Flight, answer: Answer): void {
    if (flight.isOver) return;
    flight.isOver = true;
    this.#flights.delete(flight.name);
    flight.end();
    for (const [asker, guest] of flight.guests) this.#leaveLimit(flight, asker, guest);
    inTurns(flight.waiters, ({ onAnswer }) => onAnswer(answer));
  }

  #leaveLimit(flight: Flight, asker: string, guest: LookupGuest): void {
    flight.guests.delete(asker);
    this.#settings.limit?.leave(guest);
  }
}

function lookupError(hostname: string, code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`getaddrinfo ${code} ${hostname}`), { code, syscall: 'getaddrinfo', hostname });
}
