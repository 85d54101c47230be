import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import httpAuth from 'http-auth';
import { CwmpProxyError } from '../errors.js';
import { clientGroupOf } from '../http/client-address.js';
import { checkRealm, refuseOption } from '../option-checks.js';
import { type AuthDecision, type Authenticator, usersFault } from './authenticator.js';
import { type BasicPair, readBasicPair } from '../digest/authorization.js';
import type { Asker, ExpensiveChecker } from './verified-pairs.js';

/**
 * Decides whether a user name and a password may pass. What it throws or rejects with, or no answer within 10 s, fails the
 * request (`ERR_CWMP_USERS_UNAVAILABLE`) and is nobody's guess.
 */
export type CredentialChecker = (credentials: BasicPair) => boolean | Promise<boolean>;

/** Who may pass: passwords by user name, or a function that decides. */
export type Users = Readonly<Record<string, string>> | CredentialChecker;

/** Options of {@link createBasicAuthenticator}. */
export interface BasicAuthenticatorOptions {
  /** Passwords by user name, or a function that decides; not looked at where there is a `checker`. */
  readonly users: Users;
  /** Decides in place of `users`, and knows who asks. */
  readonly checker?: ExpensiveChecker | undefined;
  /** Realm of the challenge, printable ASCII without quotes. Default `cwmp-proxy`. */
  readonly realm?: string;
}

/**
 * Basic authentication (RFC 7617) by http-auth. Credentials that come without a challenge are taken too: some ACSs send
 * nothing else.
 *
 * @throws {@link CwmpProxyError} `ERR_CWMP_OPTION` when the users or the realm cannot be used.
 */
export function createBasicAuthenticator(options: BasicAuthenticatorOptions): Authenticator {
  const { users, checker, realm = 'cwmp-proxy' } = options;
  checkRealm('realm', realm);
  const plain = typeof users === 'function' ? users : checker === undefined ? checkerOf(users) : undefined;
  const check: ExpensiveChecker = checker ?? ((pair) => plain?.(pair) ?? false);
  // http-auth calls it before `findUser` returns, and tells it nothing of who asks.
  let asker: Asker = { group: '', signal: undefined, isProven: false };
  const scheme = httpAuth.basic({ realm }, (username, password, done) => {
    void settle(check, { username, password }, asker, done);
  });
  const refusal: AuthDecision = { pass: false, statusCode: 401, challenges: [scheme.generateHeader()] };

  return {
    authenticate: (req, _target, signal) =>
      new Promise((resolve, reject) => {
        // Not by http-auth: it reads no Latin-1, and takes a pair without a colon for a user without a password.
        const pair = readBasicPair(req.headers.authorization ?? '');
        if (pair === undefined) {
          resolve(refusal);
          return;
        }
        asker = { group: clientGroupOf(req), signal, isProven: false };
        scheme.findUser(req, Buffer.from(`${pair.username}:${pair.password}`).toString('base64'), (result) => {
          if (result instanceof Error) reject(result);
          else resolve(result.pass === true ? { pass: true, username: result.user ?? '' } : refusal);
        });
      }),
  };
}

/** Whether a password has this hash of an htpasswd file. Takes a tenth of a second for bcrypt: not for the main thread. */
export function matchesHash(hash: string, password: string): boolean {
  let pass = false;
  const scheme = httpAuth.basic({ realm: 'htpasswd' });
  scheme.processLine(`user:${hash}`);
  const pair = Buffer.from(`user:${password}`).toString('base64');
  scheme.findUser(new IncomingMessage(new Socket()), pair, (result) => {
    pass = !(result instanceof Error) && result.pass === true;
  });
  return pass;
}

/** http-auth answers through callbacks only; the promise of a checker is waited for here. */
async function settle(
  check: ExpensiveChecker,
  pair: BasicPair,
  asker: Asker,
  done: (pass: boolean) => void,
): Promise<void> {
  try {
    const pass: unknown = await check(pair, asker);
    done(pass === true);
  } catch (cause) {
    // It takes an error too, which its types do not know.
    Reflect.apply(done, undefined, [cause instanceof CwmpProxyError ? cause : usersFault(cause)]);
  }
}

/** Whether somebody with this name and password can log in: a colon would end the name (RFC 7617 §2). */
export function isUser(username: string, password: unknown): boolean {
  return typeof password === 'string' && !username.includes(':');
}

function checkerOf(users: Readonly<Record<string, string>>): CredentialChecker {
  if (typeof users !== 'object' || users === null || Array.isArray(users)) {
    refuseOption('users', 'expected passwords by user name, or a function');
  }
  const entries = Object.entries(users);
  for (const [username, password] of entries) {
    if (!isUser(username, password)) refuseOption('users', `${JSON.stringify(username.slice(0, 60))} cannot be used`);
  }
  if (entries.length === 0) refuseOption('users', 'expected at least one user');
  // Digests of equal length are compared, so that neither a name's absence nor a password's length shows in the time.
  const key = randomBytes(32);
  const digest = (password: string): Buffer => createHash('sha256').update(key).update(password, 'utf8').digest();
  const known = new Map(entries.map(([username, password]) => [username, digest(password)]));
  const nobody = randomBytes(32);
  return ({ username, password }) => {
    const wanted = known.get(username);
    return timingSafeEqual(digest(password), wanted ?? nobody) && wanted !== undefined;
  };
}
