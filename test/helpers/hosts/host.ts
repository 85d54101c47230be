import type { RequestListener } from 'node:http';
import type { AdapterOptions, CwmpProxy } from '@cwmp-proxy/core';

/** What stands in front of the proxy in an application. */
export type Before =
  | 'logging'
  | 'compression'
  | 'response-time'
  | 'trust-proxy'
  /** A parser that leaves a Buffer. */
  | 'raw-parser'
  /** A parser that leaves a string. */
  | 'text-parser'
  /** A parser of something else, which keeps the bytes as `rawBody`. */
  | 'keeping-parser'
  /** A parser of something else, which keeps nothing. */
  | 'forgetful-parser'
  /** Answers with `app: early`, and hands the request on all the same. */
  | 'early-answer';

/** An application with a proxy in it; what is not the proxy's, it answers with `app: <method> <url>`. */
export interface AppSetup {
  proxy: CwmpProxy;
  /** Where the proxy is mounted; `router` is at `/isp/cwmp`, in a router at `/isp`. */
  mount: '/' | '/cwmp' | 'router';
  before: readonly Before[];
  options: AdapterOptions;
  /** Told of what reaches the application's own error handling, which answers with the error's status and `app: <code>`. */
  onError: (error: unknown) => void;
}

/** A framework, or none. */
export interface Host {
  name: string;
  /** The listener for the requests of a `node:http` server. */
  listener(setup: AppSetup): RequestListener;
}

/** The status and the code that an error asks for. */
export function answerTo(error: unknown): { status: number; text: string } {
  if (!(error instanceof Error)) return { status: 500, text: 'app: no error' };
  const status = 'statusCode' in error && typeof error.statusCode === 'number' ? error.statusCode : 500;
  return { status, text: `app: ${'code' in error ? String(error.code) : error.name}` };
}
