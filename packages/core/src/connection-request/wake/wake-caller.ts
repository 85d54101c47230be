import { setMaxListeners } from 'node:events';
import { CwmpProxyError } from '../../errors.js';
import type { InformNotice, WakeLeg, WakeOutcome, WakeResult } from '../result.js';
import type { StopReason } from '../transports/http-transport.js';
import type { SharedWake } from './shared-wake.js';
import { elapsed } from '../record.js';

/** What a call needs of the wakes. */
export interface CallSettings {
  readonly timeoutMs: number;
  readonly waitForInformMs: number;
  readonly signal: AbortSignal | undefined;
  /** When the call came, on the clock of `performance.now()`. */
  readonly since: number;
  /** Takes the call off its job. The job ends with this reason if it was the last. */
  readonly leave: (call: WakeCaller, reason: StopReason) => 'job ends' | 'job goes on';
  /** Told the result, once. */
  readonly settled: (call: WakeCaller, result: WakeResult) => void;
  /** Told in place of that when the job failed by a fault. */
  readonly failed: (call: WakeCaller, error: CwmpProxyError) => void;
}

/** One caller's wait for a wake that it may share with others: its time, its signal, the Inform it wants to see. */
export class WakeCaller {
  readonly job: SharedWake;
  /** Ends the subscription to Informs. */
  unlisten: (() => void) | undefined;

  readonly #settings: CallSettings;
  readonly #since: number;
  #timer: NodeJS.Timeout | undefined;
  #over = false;
  #inform: InformNotice | undefined;
  /** When the CPE accepted, while the Inform is waited for. */
  #acceptedAt: number | undefined;

  constructor(job: SharedWake, settings: CallSettings) {
    this.job = job;
    this.#settings = settings;
    this.#since = settings.since;
    if (settings.signal !== undefined) {
      // A signal may end a thousand wakes, which is no leak.
      setMaxListeners(0, settings.signal);
      settings.signal.addEventListener('abort', this.#onAbort);
    }
    this.#timer = setTimeout(
      () => this.#onTimeout(),
      Math.max(0, settings.since + settings.timeoutMs - performance.now()),
    ).unref();
  }

  /** The Inform of its CPE has passed. */
  readonly onInform = (inform: InformNotice): void => {
    // One that came before this wake has asked the CPE is the answer to another one.
    const { askedAt } = this.job;
    if (askedAt === undefined || performance.now() - (inform.ageMs ?? 0) < askedAt) return;
    this.#inform ??= inform;
    if (this.#acceptedAt !== undefined) this.#settle('informed', this.#informLeg());
  };

  /** The job has ended, or failed by a fault. */
  onJobEnd(outcome: WakeOutcome | CwmpProxyError): void {
    if (this.#over) return;
    clearTimeout(this.#timer);
    if (outcome instanceof CwmpProxyError) {
      this.#end();
      this.#settings.failed(this, outcome);
    } else if (this.#settings.waitForInformMs > 0 && this.#inform !== undefined && mayHaveWoken(outcome)) {
      this.#settle('informed');
    } else if (this.#settings.waitForInformMs > 0 && outcome === 'accepted') {
      this.#acceptedAt = performance.now();
      // The caller waits for it, so it may keep the process alive; it ends with the caller's signal, or with all wakes.
      this.#timer = setTimeout(
        () => this.#settle('no-inform', this.#informLeg('timeout')),
        this.#settings.waitForInformMs,
      );
    } else {
      this.#settle(outcome);
    }
  }

  /** Ends the wait, for the caller has left or has to make room for others. */
  abort(reason: 'aborted' | 'overloaded' = 'aborted'): void {
    if (this.#over) return;
    this.#settings.leave(this, reason);
    this.#settle(reason, this.#acceptedAt === undefined ? undefined : this.#informLeg(reason));
  }

  readonly #onAbort = (): void => this.abort(this.#settings.signal?.reason === 'overloaded' ? 'overloaded' : 'aborted');

  #onTimeout(): void {
    // The last one waits for what the job makes of it: part of an answer may have come.
    if (this.#settings.leave(this, 'timeout') === 'job goes on') this.#settle('timeout');
  }

  #informLeg(error?: string): WakeLeg {
    return { what: 'inform', ms: elapsed(this.#acceptedAt ?? this.#since), ...(error !== undefined && { error }) };
  }

  #settle(outcome: WakeOutcome, last?: WakeLeg): void {
    if (this.#over) return;
    this.#end();
    const unfinished = outcome === 'aborted' || outcome === 'overloaded' ? outcome : 'timeout';
    const result = this.job.record.result(outcome, this.#since, {
      unfinished,
      ...(last !== undefined && { last }),
      ...(outcome === 'informed' && this.#inform !== undefined && { inform: this.#inform }),
    });
    this.#settings.settled(this, result);
  }

  #end(): void {
    this.#over = true;
    clearTimeout(this.#timer);
    this.#settings.signal?.removeEventListener('abort', this.#onAbort);
    this.unlisten?.();
  }
}

/** The CPE may have started its session though no answer of it was seen, and an Inform proves it. */
function mayHaveWoken(outcome: WakeOutcome): boolean {
  return outcome === 'accepted' || outcome === 'timeout' || outcome === 'protocol-error';
}
