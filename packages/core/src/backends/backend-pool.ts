import type { LookupFunction } from 'node:net';
import { CwmpProxyError } from '../errors.js';
import type { LocalShortage } from '../http/local-shortage.js';
import { Backend, type BackendFigures, type BackendListener, type BackendSettings } from './backend.js';
import { WaitingLine } from './waiting-line.js';

/** Who is told of what happens to the backends. */
export interface PoolListener {
  /** The state of one has changed. */
  onState: (figures: BackendFigures) => void;
  /** This machine lacks what a connection needs. */
  onShortage: (shortage: LocalShortage) => void;
}

/** The backends of a proxy, and whose turn it is. */
export class BackendPool {
  readonly #backends: Backend[] = [];
  readonly #listener: BackendListener;
  #closed = false;
  readonly #drainings = new Map<Backend, (() => void)[]>();
  /** Sessions that begin while no backend is up and each is being tried. */
  readonly #waiting: WaitingLine;

  readonly #lookup: LookupFunction;

  /**
   * @param maxWaiting Maximum number of sessions that wait until it is known whether a backend lives.
   * @param lookup Looks the names of backends up.
   */
  constructor({ onState, onShortage }: PoolListener, maxWaiting: number, lookup: LookupFunction) {
    this.#lookup = lookup;
    this.#waiting = new WaitingLine(maxWaiting);
    this.#listener = {
      onState: (backend) => {
        onState(backend.figures());
        if (backend.state === 'drained') {
          for (const resolve of this.#drainings.get(backend) ?? []) resolve();
          this.#drainings.delete(backend);
        }
        this.#watchRecovery();
      },
      onFree: () => this.#waiting.callOne(),
      onShortage,
    };
  }

  /**
   * Adds a backend; it takes its first session when its turn comes. Returns `undefined` when its URL is there already.
   *
   * @throws {@link CwmpProxyError} `ERR_CWMP_CLOSED`
   */
  add(settings: BackendSettings): Backend | undefined {
    if (this.#closed) throw new CwmpProxyError('ERR_CWMP_CLOSED', 'the proxy was closed');
    const backend = new Backend(settings, this.#listener, this.#lookup);
    if (this.find(backend.url) !== undefined) {
      backend.close();
      return undefined;
    }
    this.#backends.push(backend);
    this.#watchRecovery();
    return backend;
  }

  /** The backend of this name. */
  find(url: string): Backend | undefined {
    return this.#backends.find((backend) => backend.url === url);
  }

  [Symbol.iterator](): IterableIterator<Backend> {
    return this.#backends[Symbol.iterator]();
  }

  /**
   * The backend whose turn it is (smooth weighted round robin: each in turn, a heavier one more often, never in a row
   * when it can be helped); called once for each session that begins. When none is up, the one that failed longest ago is
   * tried anyway, unless it is being tried already.
   *
   * @param tried Backends that this very session has tried in vain.
   */
  next(tried?: ReadonlySet<Backend>): Backend | undefined {
    const now = performance.now();
    let chosen: Backend | undefined;
    let total = 0;
    for (const backend of this.#backends) {
      if (tried?.has(backend) === true || !backend.admits(now)) continue;
      backend.credit += backend.weight;
      total += backend.weight;
      if (chosen === undefined || backend.credit > chosen.credit) chosen = backend;
    }
    if (chosen === undefined) return this.#lastResort(tried, now);
    chosen.credit -= total;
    return chosen;
  }

  /**
   * Waits, where {@link BackendPool.next} gave nothing because each backend is ejected and being tried, until one is up or free to
   * be tried. Resolves with whether to ask again: false when the time is over, the signal says so, or there is nothing to wait for.
   *
   * @param client The group of the client address; they take turns.
   */
  async whenFree(client: string, timeoutMs: number, signal: AbortSignal): Promise<boolean> {
    return this.#isDown && !this.#closed && this.#waiting.wait(client, timeoutMs, signal);
  }

  /** One who was told to ask again did not: the next one may. */
  passOn(): void {
    this.#waiting.callOne();
  }

  /** Whether a backend is up. */
  get isUp(): boolean {
    return this.#backends.some(({ state }) => state === 'up');
  }

  /** Whether no backend is up, and one is ejected. */
  get #isDown(): boolean {
    return !this.isUp && this.#backends.some(({ state }) => state === 'ejected');
  }

  #lastResort(tried: ReadonlySet<Backend> | undefined, now: number): Backend | undefined {
    let chosen: Backend | undefined;
    for (const backend of this.#backends) {
      if (tried?.has(backend) === true) continue;
      // It has as many sessions as it may.
      if (backend.state === 'up') return undefined;
      if (backend.admitsTrial(now) && (chosen === undefined || backend.failedAt < chosen.failedAt)) chosen = backend;
    }
    return chosen;
  }

  /** Has backends asked often whether they live while none is up; those who wait for one are called when it is. */
  #watchRecovery(): void {
    const isDown = this.#isDown;
    for (const backend of this.#backends) backend.watchRecovery(isDown && !this.#closed);
    if (!isDown) this.#waiting.callAll(() => !this.#isDown);
  }

  /** Whether a backend is up that only its own limit on sessions keeps from taking one. */
  get full(): boolean {
    return this.#backends.some((backend) => backend.full);
  }

  /** Lets the backend finish what runs and gives it nothing new; resolves when it is empty. */
  drain(backend: Backend): Promise<void> {
    return new Promise((resolve) => {
      backend.drain();
      if (backend.state === 'drained') resolve();
      else this.#drainings.set(backend, [...(this.#drainings.get(backend) ?? []), resolve]);
    });
  }

  /** Takes the backend out; the caller ends its sessions. */
  remove(backend: Backend): void {
    const index = this.#backends.indexOf(backend);
    if (index !== -1) this.#backends.splice(index, 1);
    backend.close();
    backend.drain();
    this.#watchRecovery();
  }

  /** Asks no backend any more whether it lives, and takes no further one. */
  close(): void {
    this.#closed = true;
    for (const backend of this.#backends) backend.close();
    this.#waiting.callAll(() => true);
  }
}
