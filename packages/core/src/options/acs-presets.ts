import type { Complete } from '../option-checks.js';
import type { ConnectionRequestOptions } from './options.js';

type AcsPreset = Pick<ConnectionRequestOptions, 'timeoutMs'> &
  Complete<Pick<ConnectionRequestOptions, 'urls' | 'access'>>;

/**
 * Options that suit an ACS as a connection-request client; spread one into `connectionRequests` and add users, addresses and
 * keys: `{ ...acsPresets.oktopus, users, allow }`. A group that is written again stands in place of the preset's, so take that
 * in: `urls: { ...acsPresets.oktopus.urls, signingKeys }`. They say nothing about where a wake may go.
 */
export const acsPresets: Readonly<Record<'genieacs' | 'oktopus', AcsPreset>> = Object.freeze({
  /** Digest over MD5, one challenge: GenieACS refuses Basic unless told otherwise, and gives up after 2 s. */
  genieacs: { timeoutMs: 1_800, urls: { form: 'query' }, access: { modes: ['digest'] } },
  /**
   * One path segment, and Digest for whatever uri it hashed: Oktopus takes `/` unless the URL has four parts between slashes. It
   * gives up after 1 s.
   */
  oktopus: { timeoutMs: 900, urls: { form: 'path' }, access: { modes: ['digest'], compareUri: false } },
});
