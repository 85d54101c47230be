import { type Backend, type BackendFigures, type BackendSettings, nameOf } from './backends/backend.js';
import type { BackendPool } from './backends/backend-pool.js';
import { refuseOption } from './option-checks.js';
import type { BackendOptions } from './options/options.js';
import type { SessionTable } from './sessions/session-table.js';

/** The backends of a running proxy: what they do, and which there are. */
export class BackendControl {
  readonly #pool: BackendPool;
  readonly #sessions: SessionTable;
  readonly #resolve: (options: string | URL | BackendOptions) => BackendSettings;

  /** @internal */
  constructor(
    pool: BackendPool,
    sessions: SessionTable,
    resolve: (options: string | URL | BackendOptions) => BackendSettings,
  ) {
    this.#pool = pool;
    this.#sessions = sessions;
    this.#resolve = resolve;
  }

  /** Every backend with its figures of this moment. */
  list(): BackendFigures[] {
    return Array.from(this.#pool, (backend) => backend.figures());
  }

  /**
   * Adds a backend; it takes sessions when its turn comes.
   *
   * @throws {@link CwmpProxyError} `ERR_CWMP_OPTION` when an option is wrong or the URL is there already; `ERR_CWMP_CLOSED`
   * after `close`.
   */
  add(options: string | URL | BackendOptions): void {
    const settings = this.#resolve(options);
    if (this.#pool.add(settings) === undefined) refuseOption('backend.url', 'is among the backends already');
  }

  /**
   * Gives a backend no new session and lets it finish those it has; resolves when there are none. It stays in the list,
   * `drained`, until it is removed.
   *
   * @param url The backend's name in {@link BackendControl.list}, or another spelling of its URL.
   * @throws {@link CwmpProxyError} `ERR_CWMP_OPTION` when there is no such backend.
   */
  async drain(url: string | URL): Promise<void> {
    await this.#pool.drain(this.#find(url));
  }

  /**
   * Takes a backend out at once: the sessions it still has end, a few in each turn of the event loop, and what is in flight fails. Drain
   * it first to spare them.
   *
   * @param url The backend's name in {@link BackendControl.list}, or another spelling of its URL.
   * @throws {@link CwmpProxyError} `ERR_CWMP_OPTION` when there is no such backend.
   */
  remove(url: string | URL): void {
    const backend = this.#find(url);
    this.#pool.remove(backend);
    this.#sessions.removeBackend(backend);
  }

  #find(url: string | URL): Backend {
    const text = String(url);
    const found = URL.canParse(text) ? this.#pool.find(nameOf(new URL(text))) : undefined;
    return found ?? refuseOption('url', 'no backend has this name, see backends.list()');
  }
}
