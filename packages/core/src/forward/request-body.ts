import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { CwmpProxyError } from '../errors.js';

/** How much of a CPE's body is taken, and how long is waited for it. */
export interface BodyLimits {
  /** Longest body held in memory, in bytes. */
  maxHeldBytes: number;
  /** Longest body, in bytes. */
  maxBodyBytes: number;
  /** Longest silence inside a body, in milliseconds. */
  quietMs: number;
}

/** The faults of a body on its way in. */
export const bodyFaults = {
  gone: (): CwmpProxyError => new CwmpProxyError('ERR_CWMP_CPE_GONE', 'the CPE left before its request was whole'),
  quiet: (): CwmpProxyError => new CwmpProxyError('ERR_CWMP_REQUEST_TIMEOUT', 'the request body did not go on in time'),
  tooLarge: (maxBodyBytes: number): CwmpProxyError =>
    new CwmpProxyError('ERR_CWMP_BODY_TOO_LARGE', `the request body has more than ${maxBodyBytes} bytes`),
};

/**
 * A request's body as a stream of its own: what destroys it (undici does when the backend fails) leaves the CPE's connection
 * standing, so that the CPE can still be answered; the rest of the body is then read and thrown away.
 */
export class RequestBody extends Readable {
  readonly #request: IncomingMessage;
  readonly #limits: BodyLimits;
  readonly #timer: NodeJS.Timeout;
  #bytes = 0;

  constructor(request: IncomingMessage, limits: BodyLimits) {
    super();
    this.#request = request;
    this.#limits = limits;
    this.#timer = setTimeout(() => this.#onQuiet(), limits.quietMs);
    this.#timer.unref();
    // Who read it may have let go of it already, as undici does of a request that has not begun when its connection ends.
    this.on('error', () => {});
    request.on('data', this.#onData).on('end', this.#onEnd).on('error', this.#onGone).on('close', this.#onGone);
    request.pause();
  }

  override _read(): void {
    this.#request.resume();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    clearTimeout(this.#timer);
    // The listener for errors stays: the request's own may be on its way already.
    this.#request.off('data', this.#onData).off('end', this.#onEnd).off('close', this.#onGone).resume();
    callback(error);
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#timer.refresh();
    this.#bytes += chunk.length;
    const { maxBodyBytes } = this.#limits;
    if (this.#bytes > maxBodyBytes) this.destroy(bodyFaults.tooLarge(maxBodyBytes));
    else if (!this.push(chunk)) this.#request.pause();
  };

  readonly #onEnd = (): void => {
    clearTimeout(this.#timer);
    this.push(null);
  };

  readonly #onGone = (): void => {
    if (!this.#request.readableEnded) this.destroy(bodyFaults.gone());
  };

  #onQuiet(): void {
    // While the backend takes nothing, nothing is asked of the CPE.
    if (this.#request.isPaused()) this.#timer.refresh();
    else this.destroy(bodyFaults.quiet());
  }
}
