export type { CwmpProxyError } from '@cwmp-proxy/core';
