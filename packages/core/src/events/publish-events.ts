import { type Channel, channel } from 'node:diagnostics_channel';
import type { CwmpProxyEvents } from './events.js';

/**
 * The channels of `node:diagnostics_channel` on which the events of every proxy are published, for tracers that have no hold
 * of the proxy: `cwmp-proxy:sessionStart`, `cwmp-proxy:exchange`, … A channel that nobody listens to costs nothing.
 */
export const channels: Readonly<Record<keyof CwmpProxyEvents, Channel>> = {
  sessionStart: channel('cwmp-proxy:sessionStart'),
  sessionEnd: channel('cwmp-proxy:sessionEnd'),
  message: channel('cwmp-proxy:message'),
  informPending: channel('cwmp-proxy:informPending'),
  inform: channel('cwmp-proxy:inform'),
  informRefused: channel('cwmp-proxy:informRefused'),
  exchange: channel('cwmp-proxy:exchange'),
  wake: channel('cwmp-proxy:wake'),
  backend: channel('cwmp-proxy:backend'),
  failure: channel('cwmp-proxy:failure'),
  warning: channel('cwmp-proxy:warning'),
};
