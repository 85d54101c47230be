import { type Conversation, type CpeDouble, type CpeState, field, ok } from './conversation.js';
import { freshNonce, isRight, parameters } from './parameters.js';

const challenge = { realm: 'CPE', qop: 'auth' };

function ask(talk: Conversation, nonce: string, more = ''): void {
  talk.write(
    `HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest realm="CPE", qop="auth", nonce="${nonce}"${more}\r\n` +
      'Content-Length: 0\r\n\r\n',
  );
}

function isAnswered(request: string, nonce: string): boolean {
  return nonce !== '' && isRight(parameters(field(request, 'Authorization') ?? ''), { ...challenge, nonce });
}

/** One request of a connection, by the book. */
async function answerOne(talk: Conversation, cpe: CpeState): Promise<boolean> {
  const request = await talk.head();
  if (request === undefined) return false;
  cpe.requests.push(request);
  if (isAnswered(request, cpe.nonce)) {
    cpe.woken += 1;
    talk.write(ok);
  } else {
    cpe.nonce = freshNonce();
    ask(talk, cpe.nonce);
  }
  return true;
}

async function answerAll(talk: Conversation, cpe: CpeState): Promise<void> {
  while (await answerOne(talk, cpe));
}

/** CPEs that lose, close or renew something on the way. */
export const droppers: readonly CpeDouble[] = [
  {
    name: 'closes between the legs without having said so',
    path: '/',
    challenge,
    async serve(talk, cpe) {
      await answerOne(talk, cpe);
      talk.close();
    },
  },
  {
    name: 'resets the connection when the second request comes on it',
    path: '/',
    challenge,
    async serve(talk, cpe) {
      const { connections } = cpe;
      await answerOne(talk, cpe);
      if (connections > 1) return answerAll(talk, cpe);
      cpe.requests.push((await talk.head()) ?? '');
      return talk.reset();
    },
  },
  {
    name: 'closes its first connection without an answer',
    path: '/',
    challenge,
    notCurl: 'curl does not repeat a request that got no answer',
    async serve(talk, cpe) {
      if (cpe.connections > 1) return answerAll(talk, cpe);
      cpe.requests.push((await talk.head()) ?? '');
      return talk.close();
    },
  },
  {
    name: 'ignores its first request',
    path: '/',
    challenge,
    notCurl: 'curl waits for ever',
    async serve(talk, cpe) {
      if (cpe.connections > 1) return answerAll(talk, cpe);
      cpe.requests.push((await talk.head()) ?? '');
      return talk.gone();
    },
  },
  {
    name: 'finds the first answered nonce stale',
    path: '/',
    challenge,
    async serve(talk, cpe) {
      for (;;) {
        const request = await talk.head();
        if (request === undefined) return;
        cpe.requests.push(request);
        if (isAnswered(request, cpe.nonce) && cpe.requests.length > 2) {
          cpe.woken += 1;
          talk.write(ok);
        } else {
          cpe.nonce = freshNonce();
          ask(talk, cpe.nonce, cpe.requests.length > 1 ? ', stale=TRUE' : '');
        }
      }
    },
  },
  {
    name: 'knows a nonce on its own connection only, and drops the first one',
    path: '/',
    challenge,
    notCurl: 'curl does not repeat a request that was dropped',
    async serve(talk, cpe) {
      const { connections } = cpe;
      let nonce = '';
      for (;;) {
        const request = await talk.head();
        if (request === undefined) return;
        cpe.requests.push(request);
        if (connections === 1 && cpe.requests.length > 1) {
          talk.reset();
          return;
        }
        if (isAnswered(request, nonce)) {
          cpe.woken += 1;
          talk.write(ok);
        } else {
          nonce = freshNonce();
          cpe.nonce = nonce;
          ask(talk, nonce);
        }
      }
    },
  },
];

/** Writes a Basic 401 and a 200 in one go before it has read anything: the 200 answers nothing. */
export const honeypot: CpeDouble = {
  name: 'a honeypot that writes both answers at once',
  path: '/',
  async serve(talk, cpe) {
    talk.write(
      'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm="Broadband Router"\r\nContent-Length: 0\r\n\r\n' + ok,
    );
    for (let head = await talk.head(); head !== undefined; head = await talk.head()) cpe.requests.push(head);
  },
};

/** The same, with a Digest that anybody may answer. */
export const digestHoneypot: CpeDouble = {
  ...honeypot,
  name: 'a honeypot that writes a Digest 401 and a 200 at once',
  async serve(talk, cpe) {
    ask(talk, 'honey');
    talk.write(ok);
    for (let head = await talk.head(); head !== undefined; head = await talk.head()) cpe.requests.push(head);
  },
};

/** Refuses whatever it is told, and says no more than that. */
export const refuser: CpeDouble = {
  name: 'refuses every password',
  path: '/',
  async serve(talk, cpe) {
    for (let head = await talk.head(); head !== undefined; head = await talk.head()) {
      cpe.requests.push(head);
      ask(talk, freshNonce());
    }
  },
};
