import { type Channel, channel } from 'node:diagnostics_channel';
import type { CwmpProxyEmitter, CwmpProxyEvents } from './events.js';

/** Channel of the `inform` event, which is made only for those who listen. */
export const informChannel: Channel = channel('cwmp-proxy:inform');

/**
 * Publishes the events of a proxy on the channels of `node:diagnostics_channel` that bear their names, for tracers that
 * have no hold of the proxy: `cwmp-proxy:sessionStart`, `cwmp-proxy:exchange`, … A channel that nobody listens to costs
 * nothing.
 */
export function publishEvents(proxy: CwmpProxyEmitter): void {
  // Each name by itself, so that each listener is checked against its own event.
  proxy.on('sessionStart', publisher('sessionStart'));
  proxy.on('sessionEnd', publisher('sessionEnd'));
  proxy.on('message', publisher('message'));
  proxy.on('exchange', publisher('exchange'));
  proxy.on('wake', publisher('wake'));
  proxy.on('backend', publisher('backend'));
  proxy.on('failure', publisher('failure'));
  proxy.on('warning', publisher('warning'));
}

function publisher(name: keyof CwmpProxyEvents): (event: object) => void {
  const target = channel(`cwmp-proxy:${name}`);
  return (event) => target.publish(event);
}
