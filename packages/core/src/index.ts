// For applications
export { createCwmpProxy, type CwmpProxy, type HandleOptions } from './proxy.js';
export type { BackendControl } from './backend-control.js';
export type { BackendFigures, BackendState, BackendTls } from './backends/backend.js';
export { CwmpProxyError, type CwmpProxyErrorCode } from './errors.js';
export type {
  CwmpProxyEvents,
  FailureEvent,
  InformEvent,
  MessageEvent,
  SessionEndEvent,
  SessionEvent,
  WarningEvent,
} from './events.js';
export { type EventLogger, logEvents } from './log-events.js';
export type {
  ActiveHealthOptions,
  BackendOptions,
  ConnectionRequestOptions,
  CwmpProxyOptions,
  ForwardingOptions,
  HealthOptions,
  LimitOptions,
  SessionOptions,
  TimeoutOptions,
  UrlOptions,
} from './options.js';
export type { SessionEnd } from './sessions/session.js';
export { InformRewriter, type InformRewriterEvents } from './soap/inform-rewriter.js';
export type { ConnectionRequestUrl, CwmpMessage, DeviceId, RewriteOutcome, UnchangedReason } from './soap/message.js';
export type { RewriteOptions } from './soap/message-rewriter.js';
export { rewriteMessage, type RewrittenMessage } from './soap/rewrite-message.js';
export type { UrlForm } from './url/proxied-url.js';
export type { AllowedTarget } from './url/wake-policy.js';
