export { CwmpProxyError, type CwmpProxyErrorCode } from './errors.js';
