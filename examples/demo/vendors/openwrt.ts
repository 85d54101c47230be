import type { CpeModel, Parameter } from '../cpe-model.js';
import { escapeXml } from '../message.js';

const envelope = (id: string, body: string): string =>
  `<?xml version="1.0" encoding="UTF-8" standalone="no"?>
 <soap_env:Envelope
xmlns:soap_env="http://schemas.xmlsoap.org/soap/envelope/"
xmlns:soap_enc="http://schemas.xmlsoap.org/soap/encoding/"
xmlns:xsd="http://www.w3.org/2001/XMLSchema"
xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
xmlns:cwmp="urn:dslforum-org:cwmp-1-2">
  <soap_env:Header>
   <cwmp:ID soap_env:mustUnderstand="1">${escapeXml(id)}</cwmp:ID>
  </soap_env:Header>
  <soap_env:Body>
${body}
  </soap_env:Body>
 </soap_env:Envelope>
`;

const list = (parameters: readonly Parameter[]): string =>
  `    <ParameterList soap_enc:arrayType="cwmp:ParameterValueStruct[${parameters.length}]">
${parameters
  .map(
    ({ name, value }) => `     <ParameterValueStruct>
      <Name>${name}</Name>
      <Value xsi:type="xsd:string">${escapeXml(value)}</Value>
     </ParameterValueStruct>
`,
  )
  .join('')}    </ParameterList>`;

/** OpenWrt with easycwmp: CWMP 1.2, the Device:2 model, libcurl's Expect, a connection request on `/`. */
export const openwrt: CpeModel = {
  name: 'OpenWrt easycwmp',
  quirks: 'cwmp-1-2, prefix soap_env, Expect: 100-continue, stray CRLF after its 401',
  serialNumber: 'EASYDEMO4',
  root: 'Device.',
  softwareVersion: '19.07-demo',

  writeInform: ({ events, url, time }) =>
    envelope(
      '1',
      `   <cwmp:Inform>
    <DeviceId>
     <Manufacturer>easycwmp</Manufacturer>
     <OUI>FFFFFF</OUI>
     <ProductClass>easycwmp</ProductClass>
     <SerialNumber>EASYDEMO4</SerialNumber>
    </DeviceId>
    <Event soap_enc:arrayType="cwmp:EventStruct[${events.length}]">
${events
  .map(
    (code) => `     <EventStruct>
      <EventCode>${code}</EventCode>
      <CommandKey />
     </EventStruct>
`,
  )
  .join('')}    </Event>
    <MaxEnvelopes>1</MaxEnvelopes>
    <CurrentTime>${time.toISOString().slice(0, 19)}+00:00</CurrentTime>
    <RetryCount>0</RetryCount>
${list([
  { name: 'Device.DeviceInfo.SpecVersion', value: '1.0' },
  { name: 'Device.DeviceInfo.ProvisioningCode', value: '' },
  { name: 'Device.DeviceInfo.Manufacturer', value: 'easycwmp' },
  { name: 'Device.DeviceInfo.ManufacturerOUI', value: 'FFFFFF' },
  { name: 'Device.DeviceInfo.ProductClass', value: 'easycwmp' },
  { name: 'Device.DeviceInfo.SerialNumber', value: 'EASYDEMO4' },
  { name: 'Device.DeviceInfo.HardwareVersion', value: 'demo' },
  { name: 'Device.DeviceInfo.SoftwareVersion', value: '19.07-demo' },
  { name: 'Device.ManagementServer.ConnectionRequestURL', value: url },
  { name: 'Device.ManagementServer.ParameterKey', value: '' },
])}
   </cwmp:Inform>`,
    ),

  writeValues: ({ id, values }) =>
    envelope(
      id,
      `   <cwmp:GetParameterValuesResponse>
${list(values)}
   </cwmp:GetParameterValuesResponse>`,
    ),

  client: {
    headers: { 'User-Agent': 'easycwmp', 'Content-Type': 'text/xml', SOAPAction: '', Expect: '100-continue' },
    emptyPostHeaders: { 'User-Agent': 'easycwmp', 'Content-Type': 'text/html' },
    keepsCookies: true,
  },
  server: {
    path: '/',
    realm: 'realm@easycwmp',
    digest: { also: 'opaque="328458fab28345ae87ab3210a8513b14"', path: '/' },
    challenge: 'extra-line',
  },
};
