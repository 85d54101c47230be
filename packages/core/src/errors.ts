/**
 * Every code an error of this library can carry, with the HTTP status that tells the peer about it. One table, so that a
 * `switch (error.code)` narrows and no fault has two answers.
 */
const statusByCode = {
  /** An option is missing, misspelt or out of range; thrown by the call that takes it. And `rewriteInform` with `cpeAuth`. */
  ERR_CWMP_OPTION: 500,
  /** The proxy was closed; it takes no new work. */
  ERR_CWMP_CLOSED: 503,
  /**
   * Something in front of the proxy, a body parser in most cases, has read the body of the request and kept nothing that the
   * proxy can use. Mount the proxy ahead of it.
   */
  ERR_CWMP_BODY_CONSUMED: 500,
  /**
   * Who asks could not be checked: a `users` function failed or took too long, or too many checks of htpasswd hashes wait. It says
   * nothing about the credentials, and is nobody's guess.
   */
  ERR_CWMP_USERS_UNAVAILABLE: 503,
  /** A fault of this library's own, or of a function that was plugged into it; its cause tells more. */
  ERR_CWMP_INTERNAL: 500,

  /** The request target of a connection request names no usable origin. */
  ERR_CWMP_BAD_ORIGIN: 400,
  /** The URL of a connection request carries no signature of this proxy, or another proxy's. */
  ERR_CWMP_BAD_SIGNATURE: 403,

  /** A wake of this proxy has come back to the proxy itself; it goes no further. */
  ERR_CWMP_LOOP: 508,

  /** A CPE's request that two HTTP parsers may read in two ways, or that no CWMP peer sends; it reaches no backend. */
  ERR_CWMP_BAD_REQUEST: 400,
  /** A CPE that `cpeAuth` knows as one device sent an Inform with the DeviceId of another (`cpeAuth.onMismatch: 'refuse'`). */
  ERR_CWMP_DEVICE_MISMATCH: 403,
  /**
   * The CPE's request body was silent for too long before it was whole; or it came slowly and gave way to others
   * (`limits.maxHeldTotalBytes`).
   */
  ERR_CWMP_REQUEST_TIMEOUT: 408,
  /** A body is longer, or expands to more, than the limits allow. */
  ERR_CWMP_BODY_TOO_LARGE: 413,
  /** A body is in a Content-Encoding that is not known; TR-069 A6 §3.4.7 has the CPE retry without one. */
  ERR_CWMP_CONTENT_CODING: 415,
  /**
   * A body is not valid in the Content-Encoding that was named: it is something else, ends in the middle, or goes on behind its
   * end. It is refused whether it is held or streamed; of a streamed one a part may have reached a backend, whose connection is cut.
   */
  ERR_CWMP_CONTENT_DECODING: 400,
  /** The CPE left before its exchange was over; nobody is left to be answered. */
  ERR_CWMP_CPE_GONE: 499,
  /** The host has answered in the proxy's place, a timeout of its own for instance; the exchange was given up. */
  ERR_CWMP_ANSWERED: 499,

  /** A limit is reached: of sessions, of a client address, or of the bytes that are held; the message names the option. */
  ERR_CWMP_BUSY: 503,
  /**
   * The machine of the proxy lacks what a connection needs: file descriptors, local ports, memory or an answer of the name server
   * (`EMFILE`, `ENFILE`, `ENOBUFS`, `ENOMEM`, `EADDRNOTAVAIL`, `EAI_AGAIN`). It says nothing about the peer. The `warning`
   * `LOCAL_RESOURCES` names the limit and what to do.
   */
  ERR_CWMP_LOCAL_RESOURCES: 503,
  /** No backend is there to take the session. */
  ERR_CWMP_NO_BACKEND: 503,
  /** The backend could not be connected to, nor any other in its place. */
  ERR_CWMP_BACKEND_UNREACHABLE: 502,
  /** The backend did not answer in time. */
  ERR_CWMP_BACKEND_TIMEOUT: 504,
  /** The backend broke off, or answered with something that is not HTTP. */
  ERR_CWMP_BACKEND_FAILED: 502,
} as const;

/** A `Retry-After` for a 503 of the proxy's own: 30 to 89 s, drawn anew for each, so that those refused do not return at once. */
export function drawRetryAfter(): string {
  return String(30 + Math.floor(Math.random() * 60));
}

/** The code of a {@link CwmpProxyError}. */
export type CwmpProxyErrorCode = keyof typeof statusByCode;

/** What goes wrong in this library is one of these. Messages name the place and never hold a secret. */
export class CwmpProxyError extends Error {
  /** What went wrong, for programs. */
  readonly code: CwmpProxyErrorCode;
  /** The HTTP status that the peer of the failed exchange is answered with. */
  readonly statusCode: number;
  /** Fields that belong in that answer, `Retry-After` for instance; the error handling of Express and Koa sends them. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: CwmpProxyErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'CwmpProxyError';
    this.code = code;
    this.statusCode = statusByCode[code];
    this.headers =
      this.statusCode === 503 ? { Connection: 'close', 'Retry-After': drawRetryAfter() } : { Connection: 'close' };
  }
}

/** Hands to the process, a tick later, what a function of the host has thrown: it costs nobody's exchange. */
export function throwLater(thrown: unknown): void {
  process.nextTick(() => {
    throw thrown;
  });
}
