export { CwmpProxyError, type CwmpProxyErrorCode } from './errors.js';
export { InformRewriter } from './soap/inform-rewriter.js';
export type { ConnectionRequestUrl, CwmpMessage, DeviceId, RewriteOutcome, UnchangedReason } from './soap/message.js';
export type { RewriteOptions } from './soap/message-rewriter.js';
export { rewriteMessage, type RewrittenMessage } from './soap/rewrite-message.js';
