import { randomBytes } from 'node:crypto';
import type { CpeModel, Parameter } from '../cpe-model.js';
import { escapeXml } from '../message.js';

const envelope = (id: string, body: string): string =>
  `<?xml version="1.0" encoding="UTF-8"?>
<soap-env:Envelope xmlns:soap-enc="http://schemas.xmlsoap.org/soap/encoding/" xmlns:soap-env="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:cwmp="urn:dslforum-org:cwmp-1-0"><soap-env:Header><cwmp:ID soap-env:mustUnderstand="1">${escapeXml(id)}</cwmp:ID></soap-env:Header><soap-env:Body>${body}</soap-env:Body></soap-env:Envelope>`;

const structs = (parameters: readonly Parameter[]): string =>
  parameters
    .map(({ name, value }) => {
      const element =
        value === '' ? '<Value xsi:type="xsd:string"/>' : `<Value xsi:type="xsd:string">${escapeXml(value)}</Value>`;
      return `<ParameterValueStruct><Name>${name}</Name>${element}</ParameterValueStruct>`;
    })
    .join('');

/** A ZTE model as genieacs-sim plays it: self-closing values, a wrong array count, Basic sent unasked. */
export const zte: CpeModel = {
  name: 'ZTE H199A (simulated)',
  quirks: 'all on one line, self-closing Value, arrayType says 17 and has 7, TCP probe, unasked Basic',
  serialNumber: '0003DEMO',
  root: 'InternetGatewayDevice.',
  softwareVersion: 'V9.1.0P4_DEMO',

  writeInform({ events, url, id, time }) {
    const igd = 'InternetGatewayDevice.';
    const parameters = [
      { name: `${igd}DeviceInfo.SpecVersion`, value: '9.1' },
      { name: `${igd}DeviceInfo.HardwareVersion`, value: 'V9.1.1' },
      { name: `${igd}DeviceInfo.SoftwareVersion`, value: 'V9.1.0P4_DEMO' },
      { name: `${igd}DeviceInfo.ProvisioningCode`, value: 'ZXHN H199A' },
      { name: `${igd}ManagementServer.ParameterKey`, value: '' },
      { name: `${igd}ManagementServer.ConnectionRequestURL`, value: url },
      { name: `${igd}LANDevice.1.LANEthernetInterfaceConfig.1.MACAddress`, value: '02:00:00:00:00:03' },
    ];
    return envelope(
      id,
      `<cwmp:Inform><DeviceId><Manufacturer>ZTE</Manufacturer><OUI>C0B101</OUI><ProductClass>ZXHN H199A</ProductClass><SerialNumber>0003DEMO</SerialNumber></DeviceId>` +
        `<Event soap-enc:arrayType="cwmp:EventStruct[${events.length}]">${events
          .map((code) => `<EventStruct><EventCode>${code}</EventCode><CommandKey/></EventStruct>`)
          .join('')}</Event>` +
        `<MaxEnvelopes>1</MaxEnvelopes><CurrentTime>${time.toISOString()}</CurrentTime><RetryCount>0</RetryCount>` +
        `<ParameterList soap-enc:arrayType="cwmp:ParameterValueStruct[17]">${structs(parameters)}</ParameterList></cwmp:Inform>`,
    );
  },

  writeValues: ({ id, values }) =>
    envelope(
      id,
      `<cwmp:GetParameterValuesResponse><ParameterList soap-enc:arrayType="cwmp:ParameterValueStruct[${values.length}]">${structs(values)}</ParameterList></cwmp:GetParameterValuesResponse>`,
    ),

  client: {
    headers: {
      'Content-Type': 'text/xml; charset="utf-8"',
      Authorization: `Basic ${Buffer.from('C0B101-ZXHN%20H199A-0003DEMO:cpe').toString('base64')}`,
    },
    probes: true,
    keepsCookies: true,
  },
  server: { path: `/${randomBytes(8).toString('hex')}`, realm: 'ZXHN', challenge: 'chunked' },
};
