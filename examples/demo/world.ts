import { Acs } from './acs.js';
import type { AcsName } from './acs-habits.js';
import { Cpe } from './cpe.js';
import { Journal } from './journal.js';
import { broadcom } from './vendors/broadcom.js';
import { mikrotik } from './vendors/mikrotik.js';
import { openwrt } from './vendors/openwrt.js';
import { thomson } from './vendors/thomson.js';
import { zte } from './vendors/zte.js';
import { zyxel } from './vendors/zyxel.js';

/** A gateway that runs. */
export interface Gateway {
  /** Where CPEs and ACSs reach it. */
  readonly publicUrl: string;
  close(): Promise<void>;
}

/** What a gateway has to know. */
export interface GatewayOptions {
  readonly backends: readonly string[];
  /** Who may wake CPEs: the user that the ACSs present with Basic. */
  readonly acsUser: { readonly name: string; readonly password: string };
  /** What the proxy presents to CPEs with Digest. */
  readonly cpeCredentials: { readonly username: string; readonly password: string };
}

/** Starts a gateway; the demo runs with any, so that its checks can be seen to fail with a bad one. */
export type StartGateway = (options: GatewayOptions) => Promise<Gateway>;

/** A way in which every CPE of the demo misbehaves. */
export type CpeFault = 'wrong-password' | 'never-informs';

/** All parties of the demo, running. */
export interface World {
  readonly journal: Journal;
  readonly acss: readonly Acs[];
  readonly gateway: Gateway;
  readonly cpes: readonly Cpe[];
  readonly acsUser: GatewayOptions['acsUser'];
  close(): Promise<void>;
}

const models = [mikrotik, thomson, zte, openwrt, zyxel, broadcom];
const acsNames: readonly AcsName[] = ['ACS-1', 'ACS-2', 'ACS-3'];
const acsUser = { name: 'acs', password: 'acs-secret' };
const cpeCredentials = { username: 'cpe', password: 'cpe-secret' };

/** Starts three ACSs, the gateway in front of them, and six CPEs that believe the gateway to be their ACS. */
export async function startWorld(startGateway: StartGateway, fault?: CpeFault): Promise<World> {
  const closers: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(closers.splice(0).map((closer) => closer()));
  };
  try {
    const journal = new Journal();
    const acss = await Promise.all(acsNames.map((name) => Acs.start(name, journal)));
    closers.push(...acss.map((acs) => () => acs.close()));
    const gateway = await startGateway({ backends: acss.map(({ url }) => url), acsUser, cpeCredentials });
    closers.push(() => gateway.close());
    const credentials = fault === 'wrong-password' ? { ...cpeCredentials, password: 'another' } : cpeCredentials;
    const cpes = await Promise.all(
      models.map((model) =>
        Cpe.start({
          model,
          acsUrl: `${gateway.publicUrl}/`,
          credentials,
          journal,
          ignoresWakes: fault === 'never-informs',
        }),
      ),
    );
    closers.push(...cpes.map((cpe) => () => cpe.close()));
    return { journal, acss, gateway, cpes, acsUser, close };
  } catch (error) {
    await close();
    throw error;
  }
}
