import http from 'node:http';
import type { AcsName } from './acs-habits.js';
import { type ExchangeAnswer, exchange } from './http-exchange.js';
import { type Journal, schemesOf } from './journal.js';

/** What an ACS needs to wake a CPE. */
export interface WakeRequest {
  readonly acs: AcsName;
  /** The ConnectionRequestURL that the ACS was told. */
  readonly url: string;
  readonly user: { readonly name: string; readonly password: string };
  readonly journal: Journal;
}

/** Asks for a wake as an ACS does: without credentials first, with Basic once that is asked for. Returns the status. */
export async function requestConnection({ acs, url, user, journal }: WakeRequest): Promise<number> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  try {
    const first = await get();
    if (first.status !== 401) return first.status;
    if (!schemesOf(first.headers).includes('Basic')) return first.status;
    const second = await get(`Basic ${Buffer.from(`${user.name}:${user.password}`).toString('base64')}`);
    return second.status;
  } finally {
    agent.destroy();
  }

  async function get(authorization?: string): Promise<ExchangeAnswer> {
    const { hostname, port, pathname, search } = new URL(url);
    const target = `${pathname}${search}`;
    const headers = authorization === undefined ? {} : { Authorization: authorization };
    const request = { method: 'GET', target };
    const answer = await exchange({
      agent,
      host: hostname.replace(/^\[|\]$/g, ''),
      port: Number(port),
      method: 'GET',
      target,
      headers,
      onSent: (connection) =>
        journal.record({
          from: acs,
          to: 'proxy',
          connection,
          request,
          schemes: schemesOf(headers),
          body: Buffer.alloc(0),
        }),
    });
    const { status, connection, body } = answer;
    journal.record({ from: 'proxy', to: acs, connection, status, schemes: schemesOf(answer.headers), body });
    return answer;
  }
}
