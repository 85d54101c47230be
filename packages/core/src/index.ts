// For applications
export { createCwmpProxy, type CwmpProxy, type HandleOptions, type ServesOptions } from './proxy.js';
export type { BackendControl } from './backend-control.js';
export type { BackendFigures, BackendState, BackendTls } from './backends/backend.js';
export { CwmpProxyError, type CwmpProxyErrorCode } from './errors.js';
export type {
  CwmpProxyEvents,
  ExchangeEvent,
  FailureEvent,
  InformEvent,
  InformRefusedEvent,
  MessageEvent,
  SessionEndEvent,
  SessionEvent,
  WarningCode,
  WarningEvent,
} from './events.js';
export { type EventLogger, logEvents } from './log-events.js';
export {
  type AdapterOptions,
  type AppListener,
  checkAdapterOptions,
  checkMountOptions,
  type MountOptions,
  proxyFirst,
  type ServingProxy,
} from './mount/proxy-first.js';
export { acsPresets } from './acs-presets.js';
export type {
  AccessMode,
  AccessOptions,
  ActiveHealthOptions,
  BackendOptions,
  ConnectionRequestOptions,
  CpeAuthOptions,
  CwmpProxyOptions,
  ForwardingOptions,
  HealthOptions,
  LimitOptions,
  SessionOptions,
  TimeoutOptions,
  UrlOptions,
} from './options.js';
export type { SessionEnd } from './sessions/session.js';
export type { Counts, ProxyStats } from './stats.js';
export type { CpeSecrets, CpeUser } from './auth/cpe-authenticator.js';
export { type CpeIdentity, cpeUsername, readCpeUsername } from './auth/cpe-username.js';
export type { OfferedAlgorithm, UserSecret } from './auth/digest-authenticator.js';
export type { UrlForm } from './url/proxied-url.js';
export type { OwnAddress } from './url/refused-addresses.js';
export { type AllowedTarget, createWakePolicy, type WakePolicy, type WakePolicyOptions } from './url/wake-policy.js';

// One part only: the rewriter
export { InformRewriter } from './soap/inform-rewriter.js';
export type { ConnectionRequestUrl, CwmpMessage, DeviceId, RewriteOutcome, UnchangedReason } from './soap/message.js';
export type { RewriteOptions } from './soap/message-rewriter.js';
export { rewriteMessage, type RewrittenMessage } from './soap/rewrite-message.js';

// One part only: the connection request
export type { WakeTls } from './connection-request/cpe-connection.js';
export type { Credentials, CredentialsRequest, CredentialsSource } from './connection-request/credentials.js';
export { wakeCpe, type WakeCpeOptions } from './connection-request/wake-cpe.js';
export type { WakeStore } from './connection-request/wake-fleet.js';
export type { WakeOptions } from './connection-request/wake-options.js';
export type {
  InformNotice,
  WakeDevice,
  WakeEvent,
  WakeLeg,
  WakeOutcome,
  WakeResult,
} from './connection-request/wake-result.js';

// One part only: Digest and Basic
export { parseAuthorization } from './auth/authorization.js';
export type { CredentialChecker, Users } from './auth/basic.js';
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
