import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { test } from 'node:test';
import { wakeCpe, type WakeOutcome } from '@cwmp-proxy/core';
import {
  type Conversation,
  cpeCredentials as credentials,
  listenRaw,
  startCpe,
} from '../../helpers/cpe-doubles/conversation.js';
import { refuser } from '../../helpers/cpe-doubles/droppers.js';

interface Hostile {
  readonly name: string;
  readonly serve: (talk: Conversation) => Promise<void>;
  readonly outcome: WakeOutcome;
  readonly status?: number;
  /** What the last leg says. */
  readonly error?: string;
}

/** Writes the same for ever, as fast as it is taken, until the peer leaves. */
async function flood(talk: Conversation, text: string): Promise<void> {
  for (let written = 0; !talk.isGone && written < 1e9; written += text.length) {
    talk.write(text);
    await new Promise(setImmediate);
  }
}

const kilobyte = 'x'.repeat(1022);
const drip = (text: string) => async (talk: Conversation) => {
  await talk.head();
  for (const char of text.split('')) {
    if (talk.isGone) return;
    talk.write(char);
    await new Promise((resolve) => setTimeout(resolve, 15));
  }
};

const hostiles: readonly Hostile[] = [
  {
    name: 'header fields without an end',
    serve: async (talk) => {
      await talk.head();
      talk.write('HTTP/1.1 401 Unauthorized\r\n');
      await flood(talk, `X-A: ${kilobyte}\r\n`);
    },
    outcome: 'protocol-error',
    error: 'head too long',
  },
  {
    name: 'one header line without an end',
    serve: async (talk) => {
      await talk.head();
      await flood(talk, `HTTP/1.1 401 Unauthorized ${kilobyte}`);
    },
    outcome: 'protocol-error',
    error: 'head too long',
  },
  {
    name: 'interim answers without an end',
    serve: async (talk) => {
      await talk.head();
      await flood(talk, 'HTTP/1.1 100 Continue\r\n\r\n');
    },
    outcome: 'protocol-error',
    error: 'head too long',
  },
  {
    name: 'line ends without an end',
    serve: async (talk) => {
      await talk.head();
      await flood(talk, '\r\n'.repeat(500));
    },
    outcome: 'protocol-error',
    error: 'head too long',
  },
  {
    name: 'a slow drip of a head',
    serve: drip(`HTTP/1.1 401 Unauthorized\r\nX: ${kilobyte}`),
    outcome: 'timeout',
    status: 401,
    error: 'timeout',
  },
  { name: 'a slow drip of a status line', serve: drip('HTTP/1.1 20'), outcome: 'timeout', error: 'timeout' },
  {
    name: 'a body of a gigabyte behind its 200',
    serve: async (talk) => {
      await talk.head();
      talk.write('HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n');
      await flood(talk, kilobyte);
    },
    outcome: 'accepted',
    status: 200,
  },
  {
    name: 'a gigabyte in one chunk behind its 401',
    serve: async (talk) => {
      await talk.head();
      talk.write(
        'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\nTransfer-Encoding: chunked\r\n\r\n3b9aca00\r\n',
      );
      await flood(talk, kilobyte);
    },
    outcome: 'scheme-unsupported',
    status: 401,
  },
  {
    name: 'a chunk size without an end',
    serve: async (talk) => {
      await talk.head();
      talk.write('HTTP/1.1 503 No\r\nTransfer-Encoding: chunked\r\n\r\n');
      await flood(talk, '0'.repeat(1000));
    },
    outcome: 'busy',
    status: 503,
  },
  {
    name: 'a redirect to loopback',
    serve: async (talk) => {
      await talk.head();
      talk.write('HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n');
    },
    outcome: 'refused',
    status: 302,
  },
  {
    name: 'compressed junk in place of an answer',
    serve: async (talk) => {
      await talk.head();
      talk.write(gzipSync('HTTP/1.1 200 OK\r\n\r\n').toString('latin1'));
    },
    outcome: 'protocol-error',
    error: 'not HTTP',
  },
  {
    name: 'compressed junk behind its head',
    serve: async (talk) => {
      await talk.head();
      const junk = gzipSync(Buffer.alloc(1_000_000)).toString('latin1');
      talk.write(`HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${junk.length}\r\n\r\n${junk}`);
    },
    outcome: 'accepted',
    status: 200,
  },
  {
    name: 'HTTP/0.9',
    serve: async (talk) => {
      await talk.head();
      talk.write('<html>200 OK</html>');
      talk.close();
    },
    outcome: 'protocol-error',
    error: 'not HTTP',
  },
  {
    name: 'a status that is none',
    serve: async (talk) => {
      await talk.head();
      talk.write('HTTP/1.1 999 Haha\r\n\r\n');
    },
    outcome: 'protocol-error',
    error: 'not HTTP',
  },
  {
    name: 'a protocol switch',
    serve: async (talk) => {
      await talk.head();
      talk.write(
        'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nHTTP/1.1 200 OK\r\n\r\n',
      );
    },
    outcome: 'refused',
    status: 101,
  },
  {
    name: 'a 401 that challenges with nothing',
    serve: async (talk) => {
      await talk.head();
      talk.write('HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n');
    },
    outcome: 'scheme-unsupported',
    status: 401,
  },
  {
    name: 'a close without a word',
    serve: async (talk) => {
      await talk.head();
      talk.close();
    },
    outcome: 'protocol-error',
    error: 'closed',
  },
];

for (const { name, serve, outcome, status, error } of hostiles) {
  test(`bounds bytes and time, and closes: ${name}`, async (t) => {
    let open = 0;
    let closed = (): void => undefined;
    const allClosed = new Promise<void>((resolve) => {
      closed = resolve;
    });
    const port = await listenRaw(t, async (talk) => {
      open += 1;
      await serve(talk);
      await talk.gone();
      open -= 1;
      if (open === 0) closed();
    });
    const result = await wakeCpe(`http://127.0.0.1:${port}/`, { credentials, timeoutMs: 300 });
    assert.equal(result.outcome, outcome, JSON.stringify(result));
    assert.equal(result.status, status);
    assert.equal(result.legs.at(-1)?.error, error);
    await allClosed;
  });
}

test('endless 401s end with the credentials, each tried once', async (t) => {
  const cpe = await startCpe(t, refuser);
  const pairs = [credentials, { username: 'a', password: 'b' }, { username: 'c', password: 'd' }];
  const result = await wakeCpe(cpe.url, { credentials: pairs, retries: 3 });
  assert.equal(result.outcome, 'credentials-refused');
  assert.equal(cpe.state.requests.length, 4);
});

test('a nonce that is always stale is renewed once', async (t) => {
  let requests = 0;
  const port = await listenRaw(t, async (talk) => {
    for (let head = await talk.head(); head !== undefined; head = await talk.head()) {
      requests += 1;
      talk.write(
        `HTTP/1.1 401 No\r\nWWW-Authenticate: Digest realm="r", nonce="${requests}", stale=true\r\nContent-Length: 0\r\n\r\n`,
      );
    }
  });
  const result = await wakeCpe(`http://127.0.0.1:${port}/`, { credentials });
  assert.equal(result.outcome, 'credentials-refused');
  assert.equal(requests, 3);
});
