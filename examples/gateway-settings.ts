// What the gateways in this folder are told by the environment, with defaults for trying them out on loopback:
//
//   PORT=8080 PUBLIC_URL=http://gateway.isp.example:8080 BACKENDS=http://10.0.0.11:7547,http://10.0.0.12:7547 \
//   ALLOW=192.168.0.0/16 ACS_PASSWORD=… CPE_PASSWORD=… npm run example express-gateway
import { randomBytes } from 'node:crypto';
import type { CwmpProxyOptions } from '@cwmp-proxy/core';

/** A setting that is empty is none. */
function setting(name: string, fallback: string): string {
  return process.env[name] || fallback;
}

/** Never an empty one, nor one that everybody knows. */
function password(name: string): string {
  const given = setting(name, '');
  if (given !== '') return given;
  const made = randomBytes(12).toString('base64url');
  console.log(`${name} is not set; for this run it is ${made}`);
  return made;
}

export const port: number = Number(setting('PORT', '8080'));

const publicUrl = setting('PUBLIC_URL', `http://127.0.0.1:${port}`);
const backends = setting('BACKENDS', 'http://127.0.0.1:7547');

/** What nobody else may know, by the variable that it can be set with. */
export const secrets: Readonly<Record<'ACS_PASSWORD' | 'CPE_PASSWORD' | 'AFFINITY_KEY' | 'NONCE_KEY', string>> = {
  ACS_PASSWORD: password('ACS_PASSWORD'),
  CPE_PASSWORD: password('CPE_PASSWORD'),
  AFFINITY_KEY: setting('AFFINITY_KEY', randomBytes(16).toString('hex')),
  NONCE_KEY: setting('NONCE_KEY', randomBytes(16).toString('hex')),
};

export const options: CwmpProxyOptions = {
  publicUrl,
  backends: backends.split(','),
  connectionRequests: {
    allow: setting('ALLOW', '127.0.0.0/8').split(','),
    users: { acs: secrets.ACS_PASSWORD },
    credentials: { username: 'cpe', password: secrets.CPE_PASSWORD },
  },
};

/** Prints what to try; called once the server listens. */
export function printWhatToTry(): void {
  const device = 'http://127.0.0.1:30005';
  const name = 'Device.ManagementServer.ConnectionRequestURL';
  const inform = `<Envelope><Body><Inform><ParameterList><ParameterValueStruct><Name>${name}</Name><Value>${device}</Value></ParameterValueStruct></ParameterList></Inform></Body></Envelope>`;
  console.log(`A CWMP gateway on http://127.0.0.1:${port}.
Send an Inform, as a CPE does (with no ACS at ${backends} the answer is 502):
  curl -i -H 'Content-Type: text/xml' -d '${inform}' http://127.0.0.1:${port}/
Wake the CPE, as an ACS does (with no CPE at ${device} the answer is 503):
  curl -i --anyauth -u 'acs:${secrets.ACS_PASSWORD}' '${publicUrl}/client?origin=${device}'`);
}
