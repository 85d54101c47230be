import type { TestContext } from 'node:test';
import type { CwmpProxyOptions, SessionEndEvent } from '@cwmp-proxy/core';
import { atEnd } from './at-end.js';
import { RawConnection } from './cpe-clients/raw-connection.js';
import { type Gateway, startGateway } from './gateway.js';
import { type RecordingAcs, recordingAcs } from './recording-acs.js';

/** A gateway before two ACSs that note where each message went. */
export interface TwoAcss extends Gateway {
  acss: [RecordingAcs, RecordingAcs];
  ended: SessionEndEvent[];
  /** Opens a CPE connection that the test's end closes. */
  connect: (options?: { localAddress: string }) => Promise<RawConnection>;
  /** Where the requests went: `<ACS>.<connection>` each, in order of each ACS. */
  went: () => string[];
}

/** Starts one for the length of a test. */
export async function startTwoAcss(t: TestContext, more: Partial<CwmpProxyOptions> = {}): Promise<TwoAcss> {
  const acss: TwoAcss['acss'] = [await recordingAcs(t), await recordingAcs(t)];
  const gateway = await startGateway(t, { backends: acss.map(({ url }) => url), ...more });
  const ended: SessionEndEvent[] = [];
  gateway.proxy.on('sessionEnd', (event) => ended.push(event));
  const connect = async (options?: { localAddress: string }): Promise<RawConnection> => {
    const cpe = await RawConnection.open(gateway.port, options);
    atEnd(t, () => cpe.close());
    return cpe;
  };
  const went = (): string[] =>
    acss.flatMap(({ requests }, index) => requests.map(({ connection }) => `${'AB'[index]}.${connection}`));
  return { ...gateway, acss, ended, connect, went };
}
