import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { CwmpProxyError } from '../errors.js';
import type { Hold } from '../http/held-room.js';
import type { Arrival, HoldBudget } from '../http/hold-budget.js';
import { UnreadRequest } from '../http/unread-request.js';

/** How much of a CPE's body is taken, and how long is waited for it. */
export interface BodyLimits {
  /** Maximum size of a body held in memory, in bytes. */
  maxHeldBytes: number;
  /** Maximum size of a body, in bytes. */
  maxBodyBytes: number;
  /** Maximum silence inside a body, in milliseconds. */
  quietMs: number;
  /** What all bodies may hold together. */
  budget: HoldBudget;
}

/** The faults of a body on its way in. */
export const bodyFaults = {
  gone: (): CwmpProxyError => new CwmpProxyError('ERR_CWMP_CPE_GONE', 'the CPE left before its request was whole'),
  quiet: (): CwmpProxyError => new CwmpProxyError('ERR_CWMP_REQUEST_TIMEOUT', 'the request body did not go on in time'),
  tooLarge: (maxBodyBytes: number): CwmpProxyError =>
    new CwmpProxyError('ERR_CWMP_BODY_TOO_LARGE', `the request body has more than ${maxBodyBytes} bytes`),
};

/** So much is handed on at once; what is less waits for more until the turn is over. */
const largeBytes = 4_096;

/**
 * A request's body as a stream of its own: what destroys it (a backend that fails) leaves the CPE's connection
 * standing, so that the CPE can still be answered; the rest of the body is then read and thrown away. It gives what has
 * come in one turn of the event loop as one piece, and takes no more until that is wanted.
 */
export class RequestBody extends Readable {
  readonly #request: IncomingMessage;
  readonly #unread: UnreadRequest;
  readonly #limits: BodyLimits;
  readonly #arrival: Arrival;
  readonly #timer: NodeJS.Timeout;
  #isWanted = false;
  #isScheduled = false;
  #bytes = 0;

  /** @param holds The room that it has. */
  constructor(request: IncomingMessage, limits: BodyLimits, holds: readonly Hold[]) {
    // One piece at a time: many small ones would cost more than a hundred bytes each.
    super({ highWaterMark: 1 });
    this.#request = request;
    this.#unread = new UnreadRequest(request);
    this.#limits = limits;
    this.#arrival = limits.budget.arrival(holds, (fault) => this.destroy(fault));
    this.#timer = setTimeout(() => this.#onQuiet(), limits.quietMs);
    this.#timer.unref();
    // Who read it may have let go of it already.
    this.on('error', () => {});
    request.on('readable', this.#onReadable).on('end', this.#onEnd).on('error', this.#onGone).on('close', this.#onGone);
  }

  override _read(): void {
    this.#isWanted = true;
    this.#arrival.start();
    this.#handOn();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    clearTimeout(this.#timer);
    this.#arrival.stop();
    // The listener for errors stays: the request's own may be on its way already.
    this.#request.off('readable', this.#onReadable).off('end', this.#onEnd).off('close', this.#onGone).resume();
    this.#unread.go();
    callback(error);
  }

  readonly #onReadable = (): void => {
    this.#timer.refresh();
    const { readableLength, complete } = this.#request;
    if (this.#isWanted && (readableLength >= largeBytes || complete)) return this.#handOn();
    this.#unread.gather();
    if (this.#isWanted && !this.#isScheduled) {
      this.#isScheduled = true;
      setImmediate(this.#onTurnOver);
    }
  };

  readonly #onTurnOver = (): void => {
    this.#isScheduled = false;
    if (this.#isWanted && !this.destroyed) this.#handOn();
  };

  #handOn(): void {
    const piece = this.#unread.take();
    if (piece === undefined) {
      // There is nothing, or its end has come: then this makes the request say so.
      this.#request.read();
      return;
    }
    this.#bytes += piece.length;
    this.#isWanted = false;
    this.#arrival.came(piece.length);
    this.#arrival.stop();
    const { maxBodyBytes } = this.#limits;
    if (this.#bytes > maxBodyBytes) this.destroy(bodyFaults.tooLarge(maxBodyBytes));
    else this.push(piece);
  }

  readonly #onEnd = (): void => {
    clearTimeout(this.#timer);
    this.#arrival.stop();
    this.push(null);
  };

  readonly #onGone = (): void => {
    if (!this.#request.readableEnded) this.destroy(bodyFaults.gone());
  };

  #onQuiet(): void {
    // While the backend takes nothing, nothing is asked of the CPE.
    if (this.#isWanted) this.destroy(bodyFaults.quiet());
    else this.#timer.refresh();
  }
}
