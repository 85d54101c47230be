export { CwmpProxyError, type CwmpProxyErrorCode } from './errors.js';

export { parseAuthorization } from './auth/authorization.js';
export { type CredentialChecker, type Users } from './auth/basic.js';
export { type Challenge, parseChallenges } from './auth/challenge.js';
export {
  type DigestAlgorithm,
  digestHa1,
  type DigestInput,
  type DigestQop,
  type DigestReading,
  digestResponse,
} from './auth/digest-algorithm.js';
export { chooseDigestChallenge, type DigestChallenge, readDigestChallenge } from './auth/digest-challenge.js';
export { answerDigest, type DigestAnswerOptions, type DigestExpectation, verifyDigest } from './auth/digest.js';

export type { WakeTls } from './connection-request/cpe-connection.js';
export type { Credentials, CredentialsRequest, CredentialsSource } from './connection-request/credentials.js';
export { wakeCpe, type WakeCpeOptions } from './connection-request/wake-cpe.js';
export type { WakeOptions } from './connection-request/wake-options.js';
export type {
  InformNotice,
  WakeDevice,
  WakeEvent,
  WakeLeg,
  WakeOutcome,
  WakeResult,
} from './connection-request/wake-result.js';
