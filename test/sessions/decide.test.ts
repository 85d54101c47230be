import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decide, isOfTwo, type KnownKey, type Recognisable, type Recognition } from '#core/sessions/recognition.js';

// Where a request on a new connection goes by a key that it shows. Each row differs from the usual case by what it names.

const known: KnownKey = {
  kind: 'cookie',
  isElsewhere: false,
  phase: 'open',
  device: 'a',
  isAway: true,
  isBusy: false,
  hasOthers: false,
};
const message: Recognisable = { isInform: false, device: undefined, answersChallenge: false, showsOthers: false };
const inform: Recognisable = { ...message, isInform: true, device: 'a' };
const begun = { phase: 'challenged' } as const;

const rows: [why: string, known: Partial<KnownKey>, request: Recognisable, expected: Recognition, ofTwo?: true][] = [
  ['a message of a CPE that was away', {}, message, 'continue'],
  ['while its old connection stands', { isAway: false }, message, 'begin here'],
  ['the same by a nonce', { isAway: false, kind: 'nonce' }, message, 'continue'],
  ['while a request is under way', { isBusy: true }, message, 'begin here'],
  ['while one is, by a nonce', { isBusy: true, kind: 'nonce' }, message, 'begin here'],
  ['from another address', { isElsewhere: true }, message, 'begin here'],
  ['from another address, by a nonce', { isElsewhere: true, kind: 'nonce' }, message, 'begin here'],
  ['when the session is gone', { phase: undefined }, message, 'begin here'],
  ['gone, and from another address', { phase: undefined, isElsewhere: true }, message, 'begin here'],
  ['by its address', { kind: 'address' }, message, 'continue'],
  [
    'by its address, with keys of others',
    { kind: 'address', hasOthers: true },
    { ...message, showsOthers: true },
    'ignore',
  ],
  [
    'by its address, with keys, where none were given',
    { kind: 'address' },
    { ...message, showsOthers: true },
    'continue',
  ],
  ['an Inform in an open session', {}, inform, 'supersede'],
  ['the same while its old connection stands', { isAway: false }, inform, 'supersede'],
  ['an Inform that names no device', {}, { ...inform, device: undefined }, 'supersede'],
  ['the same while the old connection stands', { isAway: false }, { ...inform, device: undefined }, 'begin here'],
  ['an Inform of another device', {}, { ...inform, device: 'b' }, 'begin here', true],
  ['of another device, in a session that begins', begun, { ...inform, device: 'b' }, 'begin here', true],
  ['of another device, by the address', { kind: 'address' }, { ...inform, device: 'b' }, 'ignore', true],
  ['of no device, by the address', { kind: 'address' }, { ...inform, device: undefined }, 'ignore', true],
  ['an Inform from another address', { isElsewhere: true }, inform, 'ignore'],
  ['of another device, from another address', { isElsewhere: true }, { ...inform, device: 'b' }, 'ignore'],
  ['an Inform when the session is gone', { phase: undefined }, inform, 'begin here'],
  ['an Inform that comes again', begun, inform, 'continue'],
  ['one that comes again while another is under way', { ...begun, isBusy: true }, inform, 'begin here'],
  ['one that answers a challenge', begun, { ...inform, device: undefined, answersChallenge: true }, 'continue'],
  ['one that answers none and names no device', begun, { ...inform, device: undefined }, 'supersede'],
  ['an Inform where the session has none', { ...begun, device: undefined }, inform, 'supersede'],
];

for (const [why, more, request, expected, ofTwo = false] of rows) {
  test(`a key that is known: ${why}: ${expected}`, () => {
    assert.equal(decide({ ...known, ...more }, request), expected);
    assert.equal(isOfTwo({ ...known, ...more }, request), ofTwo);
  });
}
