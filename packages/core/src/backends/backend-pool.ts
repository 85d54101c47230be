import { CwmpProxyError } from '../errors.js';
import { Backend, type BackendFigures, type BackendSettings } from './backend.js';

/** The backends of a proxy, and whose turn it is. */
export class BackendPool {
  readonly #backends: Backend[] = [];
  readonly #onState: (backend: Backend) => void;
  #closed = false;
  readonly #drainings = new Map<Backend, (() => void)[]>();

  /** @param onState Called after each change of a backend's state. */
  constructor(onState: (figures: BackendFigures) => void) {
    this.#onState = (backend) => {
      onState(backend.figures());
      if (backend.state !== 'drained') return;
      for (const resolve of this.#drainings.get(backend) ?? []) resolve();
      this.#drainings.delete(backend);
    };
  }

  /**
   * Adds a backend; it takes its first session when its turn comes. Returns `undefined` when its URL is there already.
   *
   * @throws {@link CwmpProxyError} `ERR_CWMP_CLOSED`
   */
  add(settings: BackendSettings): Backend | undefined {
    if (this.#closed) throw new CwmpProxyError('ERR_CWMP_CLOSED', 'the proxy was closed');
    const backend = new Backend(settings, this.#onState);
    if (this.find(backend.url) !== undefined) {
      backend.close();
      return undefined;
    }
    this.#backends.push(backend);
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
   * when it can be helped); called once for each session that begins.
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
    if (chosen !== undefined) chosen.credit -= total;
    return chosen;
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
  }

  /** Asks no backend any more whether it lives, and takes no further one. */
  close(): void {
    this.#closed = true;
    for (const backend of this.#backends) backend.close();
  }
}
