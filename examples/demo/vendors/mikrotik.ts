import { randomBytes } from 'node:crypto';
import type { CpeModel, Parameter } from '../cpe-model.js';
import { escapeXml } from '../message.js';

const envelope = (body: string): string =>
  `<soapenv:Envelope xmlns:soap='http://schemas.xmlsoap.org/soap/encoding/' xmlns:xsd='http://www.w3.org/2001/XMLSchema' xmlns:cwmp='urn:dslforum-org:cwmp-1-0' xmlns:soapenv='http://schemas.xmlsoap.org/soap/envelope/' xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'><soapenv:Body>${body}</soapenv:Body></soapenv:Envelope>`;

const list = (parameters: readonly (Parameter & { type?: string })[]): string =>
  `<ParameterList soap:arrayType='cwmp:ParameterValueStruct[${parameters.length}]'>${parameters
    .map(
      ({ name, value, type = 'string' }) =>
        `<ParameterValueStruct><Name>${name}</Name><Value xsi:type='xsd:${type}'>${escapeXml(value)}</Value></ParameterValueStruct>`,
    )
    .join('')}</ParameterList>`;

/** A MikroTik router: single-quoted attributes, no SOAP header, the Device:2 model, a long random path. */
export const mikrotik: CpeModel = {
  name: 'MikroTik hAP',
  quirks: 'single-quoted attributes, no SOAP Header, 0 for a boolean',
  serialNumber: 'B7B20DEM0002',
  root: 'Device.',
  softwareVersion: '6.46.1',

  writeInform: ({ events, url, time }) =>
    envelope(
      `<cwmp:Inform><DeviceId><Manufacturer>MikroTik</Manufacturer><OUI>E48D8C</OUI><ProductClass>hAP mini</ProductClass><SerialNumber>B7B20DEM0002</SerialNumber></DeviceId>` +
        `<Event soap:arrayType='cwmp:EventStruct[${events.length}]'>${events
          .map((code) => `<EventStruct><EventCode>${code}</EventCode><CommandKey></CommandKey></EventStruct>`)
          .join('')}</Event>` +
        `<MaxEnvelopes>1</MaxEnvelopes><CurrentTime>${time.toISOString().slice(0, 19)}+00:00</CurrentTime><RetryCount>0</RetryCount>${list(
          [
            { name: 'Device.RootDataModelVersion', value: '2.11' },
            { name: 'Device.DeviceInfo.SoftwareVersion', value: '6.46.1' },
            { name: 'Device.DeviceInfo.ProvisioningCode', value: '' },
            { name: 'Device.DeviceInfo.HardwareVersion', value: 'v1.0' },
            { name: 'Device.ManagementServer.ParameterKey', value: '' },
            { name: 'Device.ManagementServer.ConnectionRequestURL', value: url },
            { name: 'Device.ManagementServer.AliasBasedAddressing', value: '0', type: 'boolean' },
          ],
        )}</cwmp:Inform>`,
    ),

  writeValues: ({ values }) =>
    envelope(`<cwmp:GetParameterValuesResponse>${list(values)}</cwmp:GetParameterValuesResponse>`),

  client: { headers: { 'Content-Type': 'text/xml; charset="utf-8"', SOAPAction: '""' } },
  server: { path: `/${randomBytes(12).toString('hex')}`, realm: 'RouterOS', challenge: 'keeps' },
};
