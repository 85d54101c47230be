import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rewriteMessage, type CwmpMessage } from '@cwmp-proxy/core';

function messageOf(xml: string | Buffer, contentType?: string): CwmpMessage {
  const bytes = typeof xml === 'string' ? Buffer.from(xml, 'latin1') : xml;
  return rewriteMessage(bytes, { rewriteUrl: () => undefined, contentType }).message;
}

const informHead = `<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:cwmp='urn:dslforum-org:cwmp-1-1'>
  <s:Header><cwmp:ID s:mustUnderstand="1"> a&amp;7 </cwmp:ID><cwmp:SessionTimeout>60</cwmp:SessionTimeout></s:Header><s:Body>`;
const deviceId =
  '<DeviceId><Manufacturer>A &amp; B</Manufacturer><OUI>005312</OUI><ProductClass/><SerialNumber> 7\n</SerialNumber></DeviceId>';
const events =
  '<Event><EventStruct><EventCode>0 BOOTSTRAP</EventCode><CommandKey>0 x</CommandKey></EventStruct><EventStruct><EventCode> 6 CONNECTION REQUEST </EventCode></EventStruct></Event>';
const inform = `${informHead}<cwmp:Inform>${deviceId}${events}<CurrentTime>2026-05-04T03:02:01+01:00</CurrentTime><RetryCount>3</RetryCount><ParameterList/></cwmp:Inform></s:Body></s:Envelope>`;

test('says what an Inform was', () => {
  const message = messageOf(inform);
  assert.deepEqual(JSON.parse(JSON.stringify(message)), {
    method: 'Inform',
    isInform: true,
    id: 'a&7',
    namespaceVersion: 'cwmp-1-1',
    device: { manufacturer: 'A & B', oui: '005312', productClass: '', serialNumber: '7' },
    events: ['0 BOOTSTRAP', '6 CONNECTION REQUEST'],
    retryCount: 3,
    currentTime: '2026-05-04T03:02:01+01:00',
    sessionTimeout: 60,
    urls: [],
    outcome: 'none',
  });
});

test('says which CWMP fault came', () => {
  const message = messageOf(
    '<s:Envelope><s:Body><s:Fault><faultcode>Client</faultcode><detail><c:Fault><FaultCode>9005</FaultCode><SetParameterValuesFault><FaultCode>9006</FaultCode></SetParameterValuesFault></c:Fault></detail></s:Fault></s:Body></s:Envelope>',
  );
  assert.equal(message.method, 'Fault');
  assert.equal(message.faultCode, '9005');
  assert.equal(message.isInform, false);
});

test('takes the facts of an Inform in any order, the first of each kind', () => {
  const message = messageOf(
    `<Envelope><Body><Inform><ParameterList><RetryCount>9</RetryCount></ParameterList><RetryCount>1</RetryCount><RetryCount>2</RetryCount>${events}${events}${deviceId}</Inform></Body></Envelope>`,
  );
  assert.equal(message.retryCount, 1);
  assert.equal(message.events.length, 2);
  assert.equal(message.device?.oui, '005312');
});

test('knows no method of what is no CWMP message', () => {
  for (const xml of [
    '',
    'x',
    '<html><body><Inform/></body></html>',
    '<Envelope><Body/></Envelope>',
    '<Header><Inform/></Header>',
  ]) {
    assert.equal(messageOf(xml).method, undefined, xml);
    assert.equal(messageOf(xml).isInform, false, xml);
  }
});

test('does not take a parameter name for an Inform', () => {
  const message = messageOf(
    '<Envelope><Body><GetParameterValuesResponse><Name>Device.ManagementServer.PeriodicInformEnable</Name></GetParameterValuesResponse></Body></Envelope>',
  );
  assert.equal(message.isInform, false);
  assert.equal(message.method, 'GetParameterValuesResponse');
});

test('tells a method by its local name, whatever its prefix', () => {
  for (const name of ['Inform', 'cwmp:Inform', 'x:y:Inform', '\u00c3\u00a9:Inform']) {
    assert.equal(messageOf(`<e:Envelope><e:Body><${name}/></e:Body></e:Envelope>`).method, 'Inform', name);
  }
});

const charsets: { name: string; bytes: Buffer; contentType?: string; declared?: string }[] = [
  { name: 'UTF-8 by default', bytes: Buffer.from('Müller') },
  {
    name: 'UTF-8 by its mark, against all else',
    bytes: Buffer.from('Müller'),
    contentType: 'text/xml; charset=latin1',
    declared: 'mark',
  },
  {
    name: 'the Content-Type, against the declaration',
    bytes: Buffer.from('Müller', 'latin1'),
    contentType: "text/xml;charset='iso-8859-1'",
    declared: 'utf-8',
  },
  { name: 'the declaration', bytes: Buffer.from('Müller', 'latin1'), declared: 'ISO-8859-15' },
  { name: 'Latin-1 where it is not valid UTF-8', bytes: Buffer.from('Müller', 'latin1'), declared: 'utf-8' },
  {
    name: 'Latin-1 where the charset is not known',
    bytes: Buffer.from('Müller', 'latin1'),
    contentType: 'text/xml; charset=x-none',
  },
  {
    name: 'Latin-1 where the label says UTF-16',
    bytes: Buffer.from('Müller', 'latin1'),
    contentType: 'text/xml; charset=utf-16',
  },
  { name: 'references in any charset', bytes: Buffer.from('M&#252;ller'), declared: 'us-ascii' },
];

test('decodes the texts of a device', async (t) => {
  for (const { name, bytes, contentType, declared } of charsets) {
    await t.test(name, () => {
      const start = declared === undefined ? '' : `<?xml version="1.0" encoding="${declared}"?>`;
      const mark = declared === 'mark' ? Buffer.from([0xef, 0xbb, 0xbf]) : Buffer.alloc(0);
      const xml = Buffer.concat([
        mark,
        Buffer.from(declared === 'mark' ? '' : start),
        Buffer.from('<Envelope><Body><Inform><DeviceId><Manufacturer>'),
        bytes,
        Buffer.from('</Manufacturer></DeviceId></Inform></Body></Envelope>'),
      ]);
      assert.equal(messageOf(xml, contentType).device?.manufacturer, 'Müller');
    });
  }
});

test('reads the facts of a long message from its head and does not keep the rest', () => {
  const long = Buffer.concat([Buffer.from(inform.replace('</s:Envelope>', '')), Buffer.alloc(1_000_000, 'x')]);
  const message = messageOf(long);
  long.fill(0, 70_000);
  assert.equal(message.retryCount, 3);
});
