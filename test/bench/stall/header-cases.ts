import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { parseChallenges, rewriteMessage } from '@cwmp-proxy/core';
import { readBasicPair, readDigestAuthorization } from '#core/digest/authorization.js';
import { chooseDigestChallenge } from '#core/digest/digest-challenge.js';
import type { Backend } from '#core/backends/backend.js';
import { readAnswer } from '#core/connection-request/relay/relay-fields.js';
import { requestHeaders, responseHead, droppedFields } from '#core/forward/headers.js';
import { mapBack } from '#core/forward/path-map.js';
import { checkInside, checkRequest, originForm } from '#core/forward/request-checks.js';
import { Clients } from '#core/http/client-address.js';
import { isBelow } from '#core/mount/proxy-first.js';
import { AffinityCookie, withoutAffinity } from '#core/sessions/affinity-cookie.js';
import { keysOfAnswer, keysOfRequest } from '#core/sessions/session-keys.js';
import { contentCodingOf } from '#core/soap/coding/content-coding.js';
import { readIpBlock } from '#core/policy/ip-address.js';
import { readCpeOrigin } from '#core/url/cpe-origin.js';
import { createProxiedUrls, type UrlForm } from '#core/url/proxied-url.js';
import { repeated, textCase, type StallCase } from './stall-case.js';

// A server of Node takes heads of 16 KB by default; a host may raise that.
const sizes = [16_384, 32_768, 65_536] as const;

/** What may come of a function that refuses its input. */
function attempt(read: () => unknown): unknown {
  try {
    return read();
  } catch (error) {
    return error;
  }
}

type Reader = [name: string, read: (text: string) => unknown];

function crossed(
  room: string,
  readers: readonly Reader[],
  inputs: readonly [string, (size: number) => string][],
): StallCase[] {
  return readers.flatMap(([reader, read]) =>
    inputs.map(([name, write]) =>
      textCase(room, `${reader}, ${name}`, sizes, write, (text) => attempt(() => read(text))),
    ),
  );
}

const units =
  (unit: string, before = '', after = ''): ((size: number) => string) =>
  (size) =>
    `${before}${repeated(unit, size - before.length - after.length)}${after}`;

const backends = Array.from({ length: 100 }, (_, at): Pick<Backend, 'url'> => ({ url: `http://10.0.0.1:${at + 1}` }));
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it reads the URL alone
const affinity = new AffinityCookie('0123456789abcdef', backends as unknown as Iterable<Backend>);

const cookies = crossed(
  'cookie',
  [
    ['keys', (text) => keysOfRequest(['Cookie', text])],
    ['own cookie taken out', (text) => withoutAffinity(text)],
    ['backend', (text) => affinity.find(['Cookie', text])],
  ],
  [
    ['separators', units('; ', 'cwmp-proxy=a;')],
    ['commas', units(',', 'cwmp-proxy=a')],
    ['blanks', units(' ', 'cwmp-proxy=', '!')],
    ['blanks in front', units(' ', '', 'cwmp-proxy=a')],
    ['short cookies', units('a=b;')],
    ['own cookies', units('cwmp-proxy=abcdefghijklmnopqrstuv;')],
    ['own cookies with attributes', units('cwmp-proxy="a"; Path=/; Domain=x; secure, ')],
    ['quotes', units('"', 'a=')],
    ['equals signs', units('=', 'a')],
  ],
);

const setCookies = crossed(
  'set-cookie',
  [
    [
      'mapped back',
      (text) => {
        const headers = ['Set-Cookie', text, 'Location', text];
        mapBack(headers, {
          mountPath: '/a',
          basePath: '/b',
          backendPath: '/b',
          backendOrigin: 'https://acs',
          cpeOrigin: 'http://cpe',
        });
        return headers;
      },
    ],
    ['keys', (text) => keysOfAnswer(['Set-Cookie', text])],
  ],
  [
    ['domains of blanks', units(' ', 'a=b; Domain=x', 'y')],
    ['blanks around a domain', units(' ', 'a=b; Domain', '=x')],
    ['paths', units('; Path=/b')],
    ['paths of slashes', units('/', 'a=b; Path=')],
    ['blanks and slashes', units(' /', 'a=b; Path=')],
    ['line ends and equals signs', units('\t=', 'a=b;')],
    ['attributes', units(';')],
    ['secure', units('; Secure')],
    ['a Location with dots', units('../', 'http://acs/')],
  ],
);

const authorization = crossed(
  'authorization',
  [
    ['Digest', (text) => readDigestAuthorization(text)],
    ['Basic', (text) => readBasicPair(text)],
    ['relayed', (text) => readAnswer(text)],
    ['keys', (text) => keysOfRequest(['Authorization', text])],
  ],
  [
    ['blanks', units(' ', 'Basic ', '\u0000')],
    ['padding', units('=', 'Basic a')],
    ['letters', units('a', 'Basic ')],
    ['colons', (size) => `Basic ${Buffer.from(repeated(':', (size * 3) / 4)).toString('base64')}`],
    ['schemes', units('Digest ')],
    ['parameters', units('a=b,', 'Digest ')],
    ['nonces', units('nonce="a", ', 'Digest ')],
    ['nonces that do not end', units(' nonce = ', 'Digest ')],
    ['blanks around a nonce', units(' ', 'Digest nonce=', ';')],
    ['quotes', units('"', 'Digest a=')],
    ['backslashes', units('\\"', 'Digest a="')],
    ['a user name in percent codes', units('%41', "Digest username*=UTF-8''", ', realm=a, nonce=a, uri=a, response=a')],
  ],
);

const challenges = crossed(
  'www-authenticate',
  [
    ['challenges', (text) => parseChallenges(text)],
    ['chosen', (text) => chooseDigestChallenge(text)],
    ['towards a CPE', (text) => responseHead(['WWW-Authenticate', text])],
  ],
  [
    ['schemes', units('a ')],
    ['schemes and commas', units('a,')],
    ['tokens', units('a==== ', 'Basic ')],
    ['token of padding', units('=', 'Basic a', ' !')],
    ['blanks', units(' ', 'Basic a', '!')],
    ['qops', units('qop="auth,auth-int", ', 'Digest nonce=a, ')],
    ['qops without quotes', units(',auth', 'Digest nonce=a, qop=auth')],
    ['blanks after qop', units(' ', 'Digest qop', '!')],
    ['qops that do not end', units('qop="', 'Digest ')],
    ['one long qop', units('auth-int,', 'Digest nonce=a, qop="', '"')],
    ['challenges', units('Digest realm="a", nonce="b", ')],
  ],
);

const lists = [
  ...crossed(
    'connection',
    [['fields', (text) => requestHeaders(['Connection', text, 'X', 'y'], droppedFields([]))]],
    [
      ['tokens', units('a,')],
      ['blanks', units(' ', 'a,', ',b')],
      ['commas', units(',')],
    ],
  ),
  ...crossed(
    'content-encoding',
    [['coding', (text) => contentCodingOf(text)]],
    [
      ['identities', units('identity,')],
      ['commas', units(',')],
      ['blanks', units(' ', 'gzip', ',')],
    ],
  ),
  ...crossed(
    'content-type',
    [
      [
        'charset',
        (text) =>
          rewriteMessage(
            Buffer.from(
              '<Inform><ParameterValueStruct><Name>Device.ManagementServer.ConnectionRequestURL</Name><Value>http://\u00e9/</Value></ParameterValueStruct>',
              'latin1',
            ),
            { rewriteUrl: () => undefined, contentType: text },
          ).message.urls,
      ],
    ],
    [
      ['blanks', units(' ', 'text/xml;', 'charset')],
      ['charsets without values', units(';charset=')],
      ['charsets', units(';charset="')],
      ['blanks after a charset', units(' ', ';charset=', '"')],
      ['a long label', units('a', ';charset=')],
    ],
  ),
];

const trusted = ['0.0.0.0/0', '::/0'].map((text) => readIpBlock(text)).filter((block) => block !== undefined);
const clients = new Clients({ trusted, lookup: undefined, onIgnored: () => {}, onLookupFault: () => {} });
const forwarded = crossed(
  'forwarded',
  [
    [
      'client',
      (text) => {
        const request = new IncomingMessage(new Socket());
        request.headers = {
          'x-forwarded-for': text,
          forwarded: text,
          'x-forwarded-prefix': text,
          'x-forwarded-host': text,
        };
        clients.identify(request);
        request.headers = { forwarded: text };
        clients.identify(request);
      },
    ],
  ],
  [
    ['addresses', units('10.0.0.1, ')],
    ['commas', units(',')],
    ['blanks', units(' ', '10.0.0.1', ',')],
    ['pairs', units('for=10.0.0.1;proto=http, ')],
    ['quotes', units('for="', '')],
    ['backslashes', units('\\"', 'for="')],
    ['colons', units(':', 'for="[', ']"')],
    ['slashes', units('/')],
  ],
);

/** Requests with very many fields. */
const fields: StallCase[] = [
  ['short fields', 'a'],
  ['Cookie fields', 'cookie'],
  ['Connection fields', 'connection'],
  ['Authorization fields', 'authorization'],
  ['fields with underscores', 'a_____b'],
].map(([name = '', key = '']) => ({
  room: 'fields',
  name,
  sizes: [500, 1_000, 2_000],
  countsOperations: true,
  make(size) {
    const raw = Array.from({ length: size }, () => [key, 'Digest nonce="a", b=c']).flat();
    const dropped = droppedFields([]);
    const request = new IncomingMessage(new Socket());
    request.rawHeaders = raw;
    return {
      length: size,
      run: () => [
        requestHeaders(raw, dropped),
        keysOfRequest(raw),
        responseHead(raw),
        affinity.find(raw),
        attempt(() => checkRequest(request)),
      ],
    };
  },
}));

const publicUrl = 'http://proxy.example/mount';
const forms: readonly UrlForm[] = ['query', 'path', 'host'];
const urlReaders = forms.map((form): Reader => {
  const urls = createProxiedUrls({ publicUrl, form, hostBase: 'cpe.example', signingKeys: ['k'.repeat(32)] });
  return [
    `${form} form`,
    (text) => [
      attempt(() => urls.build(text)),
      attempt(() => urls.isEndpoint(text, text)),
      attempt(() => urls.resolve(text, 'proxy.example')),
      attempt(() => urls.resolve('/', `${text}.cpe.example`)),
    ],
  ];
});
const targets = crossed(
  'url',
  [
    ...urlReaders,
    ['CPE', (text) => readCpeOrigin(text)],
    ['target', (text) => [attempt(() => originForm(text)), attempt(() => checkInside(text))]],
    ['mount', (text) => isBelow(text, ['/acs', '/files'])],
  ],
  [
    ['slashes', units('/')],
    ['dots', units('/..', 'http://a')],
    ['encoded dots', units('%2e%2f')],
    ['colons', units(':', 'http://a')],
    ['colons and digits', units(':1', 'http://a')],
    ['at signs', units('@', 'http://a')],
    ['number signs', units('#', 'http://a')],
    ['letters', units('a', 'http://a/')],
    ['letters of a host', units('a.', 'http://')],
    ['other letters', units('\u00e9', 'http://a/')],
    ['percent signs', units('%', '/mount/client?origin=')],
    ['percent codes', units('%41', '/mount/client?origin=')],
    ['a token', units('a', '/mount/client/')],
    ['a deflated token', units('EAAA', '/mount/client/B')],
    ['base32', units('abcdefgh')],
  ],
);

export const headerCases: readonly StallCase[] = [
  ...cookies,
  ...setCookies,
  ...authorization,
  ...challenges,
  ...lists,
  ...forwarded,
  ...fields,
  ...targets,
];
