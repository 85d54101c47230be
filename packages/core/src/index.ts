// For applications
export { createCwmpProxy, type CwmpProxy, type HandleOptions, type ServesOptions } from './proxy.js';
export type { BackendControl } from './backend-control.js';
export type { BackendFigures, BackendState } from './backends/backend.js';
export type { BackendTls } from './backends/backend-dialer.js';
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
} from './events/events.js';
export { type EventLogger, logEvents } from './events/log-events.js';
export {
  type AdapterOptions,
  type AppListener,
  checkAdapterOptions,
  checkMountOptions,
  type MountOptions,
  proxyFirst,
  type ServingProxy,
} from './mount/proxy-first.js';
export { acsPresets } from './options/acs-presets.js';
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
} from './options/options.js';
export type { SessionEnd } from './sessions/session.js';
export type { Counts, ProxyStats } from './events/stats.js';
export type { CpeSecrets, CpeUser } from './access/cpe-authenticator.js';
export { type CpeIdentity, cpeUsername, readCpeUsername } from './access/cpe-username.js';
export type { OfferedAlgorithm, UserSecret } from './access/digest-authenticator.js';
export type { UrlForm } from './url/proxied-url.js';
export type { OwnAddress } from './policy/refused-addresses.js';
export {
  type AllowedTarget,
  createWakePolicy,
  type WakePolicy,
  type WakePolicyOptions,
} from './policy/target-policy.js';

// One part only: the rewriter
export { InformRewriter } from './soap/rewrite/rewrite-stream.js';
export type { ConnectionRequestUrl, CwmpMessage, DeviceId, RewriteOutcome, UnchangedReason } from './soap/message.js';
export type { RewriteOptions } from './soap/rewrite/rewrite-stream.js';
export { rewriteMessage, type RewrittenMessage } from './soap/rewrite/rewrite-whole.js';

// One part only: the connection request
export type { WakeTls } from './connection-request/transports/cpe-connection.js';
export type { Credentials, CredentialsRequest, CredentialsSource } from './connection-request/credentials.js';
export { wakeCpe, type WakeCpeOptions } from './connection-request/wake/wake-cpe.js';
export type { WakeStore } from './connection-request/wake/instances.js';
export type { WakeOptions } from './connection-request/wake/wake-options.js';
export type {
  InformNotice,
  WakeDevice,
  WakeEvent,
  WakeLeg,
  WakeOutcome,
  WakeResult,
} from './connection-request/result.js';

// One part only: Digest and Basic
export { parseAuthorization } from './digest/authorization.js';
export type { CredentialChecker, Users } from './access/basic.js';
export { type Challenge, parseChallenges } from './digest/challenge.js';
export {
  type DigestAlgorithm,
  digestHa1,
  type DigestInput,
  type DigestQop,
  type DigestReading,
  digestResponse,
} from './digest/digest-algorithm.js';
export { chooseDigestChallenge, type DigestChallenge, readDigestChallenge } from './digest/digest-challenge.js';
export { answerDigest, type DigestAnswerOptions, type DigestExpectation, verifyDigest } from './digest/digest.js';
