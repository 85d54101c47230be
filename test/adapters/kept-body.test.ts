import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import type { RequestListener } from 'node:http';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { createCwmpProxy, type CwmpProxy } from '@cwmp-proxy/core';
import { cwmpProxy as forExpress } from '@cwmp-proxy/express';
import { cwmpProxy as forKoa } from '@cwmp-proxy/koa';
import express5 from 'express';
import Koa from 'koa';
import bodyParser from 'koa-bodyparser';
import { startAcs } from '../helpers/acs.js';
import { connectionRequests, publicOrigin } from '../helpers/app.js';
import { startCpe } from '../helpers/cpe-connection.js';
import { serve } from '../helpers/serve.js';

// Text that a parser in front had kept was encoded anew without a look at what it had lost: an é of ISO-8859-1 that was read as
// UTF-8 left as ý, and one of a chunked body as UTF-8 under a label of ISO-8859-1. A body leaves byte for byte or is refused.

const express4: typeof express5 = createRequire(import.meta.url)('express4');
const everything = (): boolean => true;

interface Parser {
  name: string;
  /** What it decodes text by: the charset that the Content-Type names, or always the same; `hand` is UTF-8, coded or not. */
  reads: 'named' | 'utf8' | 'latin1' | 'hand';
  app: (proxy: CwmpProxy) => RequestListener;
}

function textOf(express: typeof express5, name: string, defaultCharset?: 'latin1'): Parser {
  const options = { type: everything, ...(defaultCharset !== undefined && { defaultCharset }) };
  return { name, reads: 'named', app: (proxy) => express().use(express.text(options), forExpress(proxy)) };
}

function koaParser(name: string, reads: 'utf8' | 'latin1'): Parser {
  return {
    name,
    reads,
    app(proxy) {
      const callback = new Koa()
        .use(bodyParser(Object.assign({ enableTypes: ['xml'] }, { encoding: reads })))
        .use(forKoa(proxy))
        .callback();
      return (request, response) => void callback(request, response);
    },
  };
}

/** Keeps what Node's own decoder gives: a byte order mark stays in the text, and a content coding is not undone. */
const byHand: Parser = {
  name: 'a handler of data events',
  reads: 'hand',
  app: (proxy) => (request, response) => {
    let rawBody = '';
    request.setEncoding('utf8').on('data', (text: string) => (rawBody += text));
    request.on('end', () => void proxy.handle(Object.assign(request, { rawBody }), response));
  },
};

const parsers = [
  textOf(express4, 'express.text (Express 4)'),
  textOf(express5, 'express.text (Express 5)'),
  koaParser('koa-bodyparser', 'utf8'),
  koaParser('koa-bodyparser with the encoding latin1', 'latin1'),
  byHand,
];

const bytes = {
  ascii: Buffer.from('<m>Acme</m>'),
  utf8: Buffer.from('<m>Acmé 東京 \u{1F600}</m>'),
  latin1: Buffer.from('<m>Acmé</m>', 'latin1'),
  /** Valid in both, with two meanings. */
  either: Buffer.from('<m>Acmé</m>'),
  declaredLatin1: Buffer.from('<?xml version="1.0" encoding="ISO-8859-1"?><m>Acmé</m>', 'latin1'),
  declaredLatin1InUtf8: Buffer.from('<?xml version="1.0" encoding="ISO-8859-1"?><m>Acmé</m>'),
  replacement: Buffer.from('<m>\uFFFD</m>'),
  marked: Buffer.from('\uFEFF<m>Acmé</m>'),
  utf16: Buffer.from('\uFEFF<m>Acme</m>', 'utf16le'),
  utf7: Buffer.from('<m>A+-B</m>'),
  shiftJis: Buffer.from([...Buffer.from('<m>'), 0x93, 0x8c, 0xb1, ...Buffer.from('</m>')]),
} as const;

type Body = keyof typeof bytes;

/**
 * `exact`, `refused`, `unmarked` (the byte order mark is gone), or `in UTF-8` (the right characters, under a label that does not
 * contradict). With a length that is that of the text; in chunks; compressed.
 */
type Outcomes = readonly [string, string, string];

interface Row extends Record<Parser['reads'], Outcomes> {
  body: Body;
  charset: string;
}

const exact = 'exact';
const no = 'refused';

const rows: Row[] = [
  {
    body: 'ascii',
    charset: '',
    named: [exact, exact, exact],
    utf8: [exact, exact, exact],
    latin1: [exact, exact, exact],
    hand: [exact, exact, no],
  },
  {
    body: 'ascii',
    charset: 'utf-8',
    named: [exact, exact, exact],
    utf8: [exact, exact, exact],
    latin1: [exact, exact, exact],
    hand: [exact, exact, no],
  },
  {
    body: 'ascii',
    charset: 'iso-8859-1',
    named: [exact, exact, exact],
    utf8: [exact, exact, exact],
    latin1: [exact, exact, exact],
    hand: [exact, exact, no],
  },
  {
    body: 'ascii',
    charset: 'windows-1251',
    named: [exact, exact, exact],
    utf8: [exact, exact, exact],
    latin1: [exact, exact, exact],
    hand: [exact, exact, no],
  },
  {
    body: 'ascii',
    charset: 'hex',
    named: [no, no, no],
    utf8: [exact, no, no],
    latin1: [exact, no, no],
    hand: [exact, no, no],
  },
  {
    body: 'utf8',
    charset: '',
    named: [exact, exact, exact],
    utf8: [exact, exact, exact],
    latin1: [no, no, no],
    hand: [exact, exact, no],
  },
  {
    body: 'utf8',
    charset: '"UTF-8"',
    named: [exact, exact, exact],
    utf8: [exact, exact, exact],
    latin1: [no, no, no],
    hand: [exact, exact, no],
  },
  {
    body: 'utf8',
    charset: 'iso-8859-1',
    named: [exact, no, no],
    utf8: [exact, no, no],
    latin1: [exact, no, no],
    hand: [exact, no, no],
  },
  {
    body: 'utf8',
    charset: 'gb18030',
    named: [no, no, no],
    utf8: [no, no, no],
    latin1: [no, no, no],
    hand: [no, no, no],
  },
  {
    body: 'latin1',
    charset: '',
    named: [no, no, no],
    utf8: [no, no, no],
    latin1: [no, 'in UTF-8', 'in UTF-8'],
    hand: [no, no, no],
  },
  {
    body: 'latin1',
    charset: 'utf-8',
    named: [no, no, no],
    utf8: [no, no, no],
    latin1: [no, 'in UTF-8', 'in UTF-8'],
    hand: [no, no, no],
  },
  {
    body: 'latin1',
    charset: 'ISO-8859-1',
    named: [exact, no, no],
    utf8: [no, no, no],
    latin1: [exact, no, no],
    hand: [no, no, no],
  },
  {
    body: 'latin1',
    charset: 'windows-1252',
    named: [exact, no, no],
    utf8: [no, no, no],
    latin1: [exact, no, no],
    hand: [no, no, no],
  },
  {
    body: 'latin1',
    charset: 'windows-1251',
    named: [no, no, no],
    utf8: [no, no, no],
    latin1: [no, no, no],
    hand: [no, no, no],
  },
  {
    body: 'either',
    charset: 'iso-8859-1',
    named: [exact, no, no],
    utf8: [exact, no, no],
    latin1: [exact, no, no],
    hand: [exact, no, no],
  },
  {
    body: 'declaredLatin1',
    charset: '',
    named: [no, no, no],
    utf8: [no, no, no],
    latin1: [no, no, no],
    hand: [no, no, no],
  },
  {
    body: 'declaredLatin1',
    charset: 'iso-8859-1',
    named: [exact, no, no],
    utf8: [no, no, no],
    latin1: [exact, no, no],
    hand: [no, no, no],
  },
  {
    body: 'declaredLatin1InUtf8',
    charset: '',
    named: [exact, no, no],
    utf8: [exact, no, no],
    latin1: [no, no, no],
    hand: [exact, no, no],
  },
  {
    body: 'declaredLatin1InUtf8',
    charset: 'utf-8',
    named: [exact, exact, exact],
    utf8: [exact, exact, exact],
    latin1: [no, no, no],
    hand: [exact, exact, no],
  },
  {
    body: 'replacement',
    charset: '',
    named: [no, no, no],
    utf8: [no, no, no],
    latin1: [no, no, no],
    hand: [no, no, no],
  },
  {
    body: 'marked',
    charset: '',
    named: [no, 'unmarked', 'unmarked'],
    utf8: [no, 'unmarked', 'unmarked'],
    latin1: [no, no, no],
    hand: [exact, exact, no],
  },
  {
    body: 'marked',
    charset: 'iso-8859-1',
    named: [exact, no, no],
    utf8: [no, no, no],
    latin1: [exact, no, no],
    hand: [exact, no, no],
  },
  {
    body: 'utf16',
    charset: 'utf-16',
    named: [no, no, no],
    utf8: [no, no, no],
    latin1: [no, no, no],
    hand: [no, no, no],
  },
  {
    body: 'utf7',
    charset: 'utf-7',
    named: [no, no, no],
    utf8: [exact, no, no],
    latin1: [exact, no, no],
    hand: [exact, no, no],
  },
  {
    body: 'shiftJis',
    charset: 'shift_jis',
    named: [no, no, no],
    utf8: [no, no, no],
    latin1: [no, no, no],
    hand: [no, no, no],
  },
];

const framings = [
  { name: 'with its length', column: 0, chunked: false, coded: false },
  { name: 'in chunks', column: 1, chunked: true, coded: false },
  { name: 'in gzip', column: 2, chunked: false, coded: true },
  { name: 'in gzip and chunks', column: 2, chunked: true, coded: true },
] as const;

for (const parser of parsers) {
  test(`a body that ${parser.name} has kept as text leaves byte for byte or is refused`, async (t) => {
    const acs = await startAcs(t);
    const proxy = createCwmpProxy({ publicUrl: publicOrigin, backends: [acs.url], connectionRequests });
    t.after(() => proxy.close());
    const { url } = await serve(t, parser.app(proxy));
    for (const { body, charset, [parser.reads]: expected } of rows) {
      for (const { name, column, chunked, coded } of framings) {
        const type = charset === '' ? 'text/xml' : `text/xml; charset=${charset}`;
        const headers = { 'Content-Type': type, ...(coded && { 'Content-Encoding': 'gzip' }) };
        acs.received.length = 0;
        const sent = coded ? gzipSync(bytes[body]) : bytes[body];
        const answer = await startCpe(t).send({ url, body: sent, chunked, headers });
        const got = acs.received[0]?.body;
        const where = `${body} as ${charset || 'nothing'} ${name}`;
        assert.equal(outcomeOf(bytes[body], got, answer.status), expected[column], where);
      }
    }
  });
}

function outcomeOf(sent: Buffer, got: Buffer | undefined, status: number): string {
  // A parser itself refuses a charset that it does not know with 415.
  if (got === undefined) return status === 500 || status === 415 ? 'refused' : `answered ${status}`;
  if (got.equals(sent)) return 'exact';
  if (got.equals(sent.subarray(3))) return 'unmarked';
  return got.toString() === sent.toString('latin1') ? 'in UTF-8' : `corrupted: ${got.toString('latin1')}`;
}

interface Kept {
  name: string;
  method?: string;
  headers?: Record<string, string>;
  chunked?: boolean;
  sent: Buffer;
  /** What a parser has left of it. */
  keep: (sent: Buffer) => object;
  /** What reaches the backend; `undefined` where it is refused. */
  got: Buffer | undefined;
}

const gzip = { 'Content-Encoding': 'gzip' };
const file = Buffer.from(`<config>${'x'.repeat(100_000)}</config>`);
const coded = gzipSync(file);

const keptAsBytes: Kept[] = [
  {
    name: 'a Buffer beside text that has lost bytes',
    sent: bytes.latin1,
    keep: (sent) => ({ rawBody: sent.toString(), body: sent }),
    got: bytes.latin1,
  },
  { name: 'a Uint8Array', sent: bytes.utf8, keep: (sent) => ({ rawBody: Uint8Array.from(sent) }), got: bytes.utf8 },
  {
    name: 'a part of the body',
    sent: bytes.utf8,
    keep: (sent) => ({ rawBody: sent.subarray(0, 5) }),
    got: undefined,
  },
  {
    name: 'text under a coding that is none',
    headers: { 'Content-Encoding': 'identity' },
    sent: bytes.latin1,
    keep: (sent) => ({ rawBody: sent.toString('latin1') }),
    got: undefined,
  },
  {
    name: 'text with half of a surrogate pair',
    chunked: true,
    sent: bytes.utf8,
    keep: () => ({ rawBody: '<m>\uD83D</m>' }),
    got: undefined,
  },
  {
    name: 'text under two charsets',
    chunked: true,
    headers: { 'Content-Type': 'text/xml; charset=utf-8; charset=iso-8859-1' },
    sent: bytes.latin1,
    keep: (sent) => ({ rawBody: sent.toString('latin1') }),
    got: undefined,
  },
  {
    name: 'a long file that was decompressed',
    method: 'PUT',
    headers: gzip,
    sent: coded,
    keep: () => ({ rawBody: file }),
    got: file,
  },
  {
    name: 'a file that is still compressed',
    method: 'PUT',
    headers: gzip,
    sent: coded,
    keep: (rawBody) => ({ rawBody }),
    got: coded,
  },
  {
    name: 'a file of which nothing tells whether it was decompressed',
    method: 'PUT',
    chunked: true,
    headers: gzip,
    sent: coded,
    keep: (rawBody) => ({ rawBody }),
    got: undefined,
  },
  {
    name: 'a file as text, of which no length tells',
    method: 'PUT',
    chunked: true,
    sent: bytes.utf8,
    keep: (sent) => ({ rawBody: sent.toString() }),
    got: undefined,
  },
];

for (const { name, method = 'POST', headers = {}, chunked = false, sent, keep, got } of keptAsBytes) {
  test(`${got === undefined ? 'refuses' : 'hands on'} ${name} (kept by ${method})`, async (t) => {
    const acs = await startAcs(t);
    const proxy = createCwmpProxy({ publicUrl: publicOrigin, backends: [acs.url], connectionRequests });
    t.after(() => proxy.close());
    const { url } = await serve(t, (request, response) => {
      request.resume().on('end', () => void proxy.handle(Object.assign(request, keep(sent)), response));
    });
    const answer = await startCpe(t).send({ url, method, headers, body: sent, chunked });
    assert.equal(answer.status, got === undefined ? 500 : 200);
    assert.deepEqual(
      acs.received.map(({ body }) => body),
      got === undefined ? [] : [got],
    );
  });
}
