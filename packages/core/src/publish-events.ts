import { type Channel, channel } from 'node:diagnostics_channel';
import { type CwmpProxyEmitter, type CwmpProxyEvents, subscribe } from './events.js';

/** Channel of the `inform` event, which is made only for those who listen. */
export const informChannel: Channel = channel('cwmp-proxy:inform');

/**
 * Publishes the events of a proxy on the channels of `node:diagnostics_channel` that bear their names, for tracers that
 * have no hold of the proxy: `cwmp-proxy:sessionStart`, `cwmp-proxy:exchange`, … A channel that nobody listens to costs
 * nothing.
 */
export function publishEvents(proxy: CwmpProxyEmitter): void {
  subscribe(proxy, {
    sessionStart: publisher('sessionStart'),
    sessionEnd: publisher('sessionEnd'),
    message: publisher('message'),
    exchange: publisher('exchange'),
    wake: publisher('wake'),
    backend: publisher('backend'),
    failure: publisher('failure'),
    warning: publisher('warning'),
  });
}

function publisher(name: keyof CwmpProxyEvents): (event: object) => void {
  const target = channel(`cwmp-proxy:${name}`);
  return (event) => target.publish(event);
}
