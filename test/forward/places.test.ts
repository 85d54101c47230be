import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ForwardingOptions } from '@cwmp-proxy/core';
import { atEnd } from '../helpers/at-end.js';
import { type RawAnswer, valuesOf } from '../helpers/cpe-clients/raw-answer.js';
import { RawConnection } from '../helpers/cpe-clients/raw-connection.js';
import { startGateway } from '../helpers/gateway.js';
import { answerOf, rawBackend } from '../helpers/raw-backend.js';

interface Place {
  name: string;
  /** Path of the backend's URL. */
  base?: string;
  forwarding?: ForwardingOptions;
  target: string;
  /** Target that the backend gets. */
  reaches: string;
  /** Fields of its answer; `<backend>` stands for its origin. */
  fields?: string[];
  /** The same as the CPE gets them. */
  gets?: string[];
}

const places: Place[] = [
  { name: 'leaves a target without paths as it is', target: '/acs/?a=%2F', reaches: '/acs/?a=%2F' },
  { name: "puts the backend's path in front", base: '/base', target: '/acs?x', reaches: '/base/acs?x' },
  { name: "puts the backend's path in front of the root", base: '/base', target: '/', reaches: '/base/' },
  { name: 'takes the mount path off', forwarding: { mountPath: '/cwmp' }, target: '/cwmp/acs', reaches: '/acs' },
  { name: 'takes a bare mount path off', forwarding: { mountPath: '/cwmp' }, target: '/cwmp?x', reaches: '/?x' },
  {
    name: "replaces a bare mount path by the backend's path, without a slash",
    base: '/tr069',
    forwarding: { mountPath: '/web/index' },
    target: '/web/index?x',
    reaches: '/tr069?x',
    fields: ['Location: <backend>/tr069'],
    gets: ['location: http://gw.example/web/index'],
  },
  {
    name: "replaces a bare mount path by the backend's path, with the slash that its URL has",
    base: '/tr069/',
    forwarding: { mountPath: '/web/index/' },
    target: '/web/index',
    reaches: '/tr069/',
  },
  {
    name: 'takes no longer word for the mount path',
    forwarding: { mountPath: '/cwmp' },
    target: '/cwmpx',
    reaches: '/cwmpx',
  },
  {
    name: 'puts one path in the place of the other',
    base: '/base/acs',
    forwarding: { mountPath: '/cwmp' },
    target: '/cwmp/a',
    reaches: '/base/acs/a',
    fields: [
      'Location: <backend>/base/acs/b?c',
      'Set-Cookie: a=b; Path=/base/acs; HttpOnly',
      'Set-Cookie: c=d; path=/base/acs/x',
    ],
    gets: [
      'location: http://gw.example/cwmp/b?c',
      'set-cookie: a=b; Path=/cwmp; HttpOnly',
      'set-cookie: c=d; path=/cwmp/x',
    ],
  },
  {
    name: 'maps a Location on the backend to where the CPE asked',
    target: '/',
    reaches: '/',
    fields: ['Location: <backend>/other'],
    gets: ['location: http://gw.example/other'],
  },
  {
    name: 'leaves a Location elsewhere, a path and nonsense',
    target: '/',
    reaches: '/',
    fields: ['Location: http://other.example/x', 'Location: /y', 'Location: http://[', 'Location: z'],
    gets: ['location: http://other.example/x', 'location: /y', 'location: http://[', 'location: z'],
  },
  {
    name: 'keeps a cookie without attributes byte for byte (GenieACS)',
    target: '/',
    reaches: '/',
    fields: ['Set-Cookie: session=0123456789ab'],
    gets: ['set-cookie: session=0123456789ab'],
  },
  {
    name: "keeps the cookie's Path and a Domain that takes in the CPE's host",
    target: '/',
    reaches: '/',
    fields: ['Set-Cookie: a=b;path=/;  Domain=.example;Secure; Max-Age=3'],
    gets: ['set-cookie: a=b;path=/;  Domain=.example;Secure; Max-Age=3'],
  },
  {
    name: "drops a Domain that is the backend's own: the CPE would refuse the cookie",
    target: '/',
    reaches: '/',
    fields: ['Set-Cookie: a=b; Domain=acs.internal; Path=/'],
    gets: ['set-cookie: a=b; Path=/'],
  },
  {
    name: 'moves a cookie for the root to the mount path',
    forwarding: { mountPath: '/cwmp' },
    target: '/cwmp',
    reaches: '/',
    fields: ['Set-Cookie: a=b; Path=/'],
    gets: ['set-cookie: a=b; Path=/cwmp'],
  },
];

function gotten(answer: RawAnswer): string[] {
  return ['location', 'set-cookie'].flatMap((name) => valuesOf(answer, name).map((value) => `${name}: ${value}`));
}

for (const { name, base = '', forwarding = {}, target, reaches, fields = [], gets = [] } of places) {
  test(name, async (t) => {
    const backend = await rawBackend(t, (socket) => {
      socket.write(answerOf('', ...fields.map((field) => field.replace('<backend>', backend.url))));
    });
    const { port } = await startGateway(t, { backends: [`${backend.url}${base}`], forwarding });
    const cpe = await RawConnection.open(port);
    atEnd(t, () => cpe.close());
    const answer = await cpe.exchange(`POST ${target} HTTP/1.1\r\nHost: gw.example\r\nContent-Length: 0\r\n\r\n`);
    assert.equal(backend.received[0]?.split(' ')[1], reaches);
    assert.deepEqual(gotten(answer), gets);
  });
}
