import { STATUS_CODES } from 'node:http';
import { drawRetryAfter } from '../errors.js';
import type { WakeOutcome, WakeResult } from './result.js';

/** An answer to an ACS. */
export interface EndpointAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body: string;
}

/** What the user decides about the answers to an ACS. */
export interface AnswerSettings {
  readonly unreachableStatus: 502 | 503 | 504;
  readonly timeoutStatus: 502 | 503 | 504;
}

/**
 * What an ACS is told about a wake. Success is empty like a CPE's own (TR-069 A6 §3.2.2). A 503 carries no Retry-After, as TR-069
 * wants it, but where it is the proxy that could not wake anybody. Of a failure the body holds the name of the outcome, and `Proxy-Status` (RFC 9209) the reason.
 */
export function wakeAnswer(result: WakeResult, settings: AnswerSettings): EndpointAnswer {
  const status = statusOf(result, settings);
  const proxyStatus = { 'proxy-status': proxyStatusOf(result), 'cache-control': 'no-store' };
  if (status === 204) return { status, headers: proxyStatus, body: '' };
  if (status === 200) return { status, headers: { ...proxyStatus, 'content-length': '0' }, body: '' };
  const retry = result.outcome === 'overloaded' && { 'retry-after': drawRetryAfter() };
  return withBody(status, { ...proxyStatus, ...retry }, result.outcome);
}

/** An answer that does not come of a wake. */
export function refusalAnswer(
  status: number,
  headers: Readonly<Record<string, string | readonly string[]>> = {},
): EndpointAnswer {
  const copied = Object.entries(headers).map(([name, value]) => [name, typeof value === 'string' ? value : [...value]]);
  return withBody(status, Object.fromEntries(copied), STATUS_CODES[status] ?? 'Error');
}

function withBody(status: number, headers: EndpointAnswer['headers'], text: string): EndpointAnswer {
  const body = `${text}\n`;
  return {
    status,
    headers: { ...headers, 'content-type': 'text/plain', 'content-length': String(body.length) },
    body,
  };
}

const statuses: Readonly<Record<WakeOutcome, number>> = {
  accepted: 200,
  informed: 200,
  'no-inform': 503,
  busy: 503,
  'credentials-refused': 502,
  'no-credentials': 502,
  unknown: 502,
  'scheme-unsupported': 502,
  refused: 502,
  unreachable: 503,
  timeout: 503,
  'protocol-error': 502,
  forbidden: 403,
  'bad-origin': 400,
  overloaded: 503,
  aborted: 503,
};

function statusOf({ outcome, status }: WakeResult, settings: AnswerSettings): number {
  if (outcome === 'unreachable') return settings.unreachableStatus;
  if (outcome === 'timeout') return settings.timeoutStatus;
  const answer = statuses[outcome];
  return answer === 200 && status === 204 ? 204 : answer;
}

/** The error types of RFC 9209 §2.3 for outcomes without an answer of the CPE that says it. */
const errorTypes: Partial<Record<WakeOutcome, string>> = {
  unreachable: 'destination_unavailable',
  timeout: 'connection_read_timeout',
  'protocol-error': 'http_protocol_error',
  forbidden: 'destination_ip_prohibited',
  'bad-origin': 'http_request_error',
  overloaded: 'connection_limit_reached',
  aborted: 'proxy_internal_error',
};

function proxyStatusOf(result: WakeResult): string {
  const { outcome, status } = result;
  const error = errorType(result);
  const received = status === undefined ? '' : `; received-status=${status}`;
  return `cwmp-proxy${error === undefined ? '' : `; error=${error}`}${received}; details="${outcome}"`;
}

function errorType(result: WakeResult): string | undefined {
  const last = result.legs.at(-1);
  if (result.outcome === 'unreachable' && last?.error === 'ECONNREFUSED') return 'connection_refused';
  if (result.outcome === 'unreachable' && last?.what === 'resolve') return 'dns_error';
  if (result.outcome === 'overloaded' && last?.what === 'resolve') return 'dns_error';
  if (result.outcome === 'timeout' && last?.what === 'connect') return 'connection_timeout';
  if (result.outcome === 'timeout' && last?.what === 'resolve') return 'dns_timeout';
  if (result.outcome === 'protocol-error' && last?.error === 'closed') return 'connection_terminated';
  return errorTypes[result.outcome];
}
