import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type Client, clientGroupOf, clientOf } from '../http/client-address.js';
import type { AffinityCookie } from '../sessions/affinity-cookie.js';
import { keyOfDevice, keysOfRequest } from '../sessions/session-keys.js';
import type { Session, SessionRequest } from '../sessions/session.js';
import { Prepared } from './prepare-body.js';

/** Called with the status by which a backend answered a message; `undefined` where it gave no whole answer. */
export type OnAnswered = (status: number | undefined) => void;

const nothing = new Prepared(Buffer.alloc(0));

/** All that belongs to one request of a CPE, from its arrival to the end of its exchange. */
export class Passage implements SessionRequest {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** The request target as it came. */
  readonly target: string;
  /** Who the request is from. */
  readonly client: Client;
  /** User name that the CPE has proven, where `cpeAuth` asked for it. */
  readonly identity: string | undefined;
  /** The session that it belongs to; until that is known, the one that runs on its connection. */
  session: Session | undefined;
  /** Its body, as it goes on; nothing before that is ready. */
  prepared: Prepared = nothing;
  /** When the whole request was there, on the clock of `performance.now()`. */
  since = 0;
  /** Whether its exchange is over. */
  isOver = false;
  /** Who waits for the answer to this very message; called once. */
  onAnswered: OnAnswered | undefined;
  readonly #affinity: AffinityCookie | undefined;

  /**
   * @param identity User name that the CPE has proven; `undefined` where nobody asked.
   * @param affinity The proxy's own cookie; `undefined` when there is none.
   */
  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    target: string,
    identity: string | undefined,
    affinity: AffinityCookie | undefined,
  ) {
    this.request = request;
    this.response = response;
    this.target = target;
    this.client = clientOf(request);
    this.identity = identity;
    this.#affinity = affinity;
  }

  get socket(): Socket {
    return this.request.socket;
  }

  get address(): string {
    return this.client.address;
  }

  get addressGroup(): string {
    return clientGroupOf(this.request);
  }

  get isInform(): boolean {
    return this.prepared.isInform;
  }

  get device(): string | undefined {
    const device = this.isInform ? this.prepared.device : undefined;
    return device && keyOfDevice(device.oui, device.productClass, device.serialNumber);
  }

  get keys(): readonly string[] {
    return keysOfRequest(this.request.rawHeaders);
  }

  get answersChallenge(): boolean {
    return this.request.headers.authorization !== undefined;
  }

  get affinity(): string | undefined {
    const shown = this.#affinity?.find(this.request.rawHeaders);
    // An Inform begins a session, whose backend is the next one, unless it answers a backend's challenge.
    return shown !== undefined && this.isInform && !this.answersChallenge ? undefined : shown?.url;
  }

  /** The exchange is over: whoever waits for an answer that has not come gets none. */
  end(): void {
    this.isOver = true;
    this.answered(undefined);
  }

  answered(status: number | undefined): void {
    const { onAnswered } = this;
    this.onAnswered = undefined;
    onAnswered?.(status);
  }
}
