import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rewriteMessage } from '@cwmp-proxy/core';
import { informBody, valuesBody } from '../../bench/rewrite/bodies.js';
import { readCorpus } from '../../helpers/corpus.js';
import { generateMessage } from '../../helpers/message-generator.js';
import { factsOf, plainFacts, rewritePieces, rewriteUrl } from '../../helpers/rewriting.js';

/** The path with every shortcut, in memory, and the plain one, on which saxes gets every tag of every message. */
function compare(bytes: Buffer, contentType: string | undefined, where: string): void {
  const short = rewriteMessage(bytes, { rewriteUrl, contentType });
  const plain = rewritePieces([bytes], contentType, { shortcuts: false });
  assert.equal(Buffer.from(short.body).toString('latin1'), plain.body, where);
  assert.deepEqual(short.message.urls, plain.message.urls, where);
  assert.deepEqual([short.message.outcome, short.message.reason], [plain.message.outcome, plain.message.reason], where);
  if (short.message.reason !== 'utf-16' && bytes.length > 0) {
    assert.deepEqual(factsOf(short.message), plainFacts(bytes, contentType), where);
    assert.deepEqual(factsOf(plain.message), factsOf(short.message), where);
  }
  assert.equal(short.message.isInform, short.message.method === 'Inform', where);
}

const { messages, skip } = readCorpus();

test('gives the same bytes and facts with and without shortcuts: real messages', { skip }, () => {
  for (const { name, bytes } of messages) compare(bytes, undefined, name);
});

test('gives the same bytes and facts with and without shortcuts: generated messages', () => {
  for (let seed = 1_000_001; seed <= 1_006_000; seed += 1) {
    const { bytes, contentType } = generateMessage(seed);
    compare(bytes, contentType, `seed ${seed}`);
  }
});

test('gives the same bytes and facts with and without shortcuts: long messages', () => {
  const long = [informBody(2000, 1500), informBody(2000, undefined), valuesBody(1_000_000), valuesBody(1_000_000, 0.7)];
  // Structs of several hundred bytes that do not end where a window of the reading does, and one of each kind of break.
  const value = (index: number): string => `<Value>${'v'.repeat((index * 37) % 900)}&#10;</Value>`;
  const structs = Array.from({ length: 1500 }, (_, index) => {
    const url = index % 400 === 399;
    const name = url ? 'Device.ManagementServer.ConnectionRequest&#x55;RL' : `Device.X.${index}`;
    return `<ParameterValueStruct><Name>${name}</Name>${url ? '<Value>http://192.0.2.1/</Value>' : value(index)}</ParameterValueStruct>`;
  });
  long.push(
    Buffer.from(`<Inform>${structs.join('')}</Inform>`),
    Buffer.from(`<Inform>${structs.slice(0, 398).join('')}</Inform>`),
  );
  for (const [index, bytes] of long.entries()) compare(bytes, undefined, String(index));
});

test('gives the same bytes and facts with and without shortcuts: saxes is first needed in mid-message', () => {
  const message =
    '<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:c="urn:dslforum-org:cwmp-1-0">' +
    '<s:Header><c:ID s:mustUnderstand="1">7</c:ID></s:Header><s:Body><c:Inform><DeviceId><OUI>00005E</OUI></DeviceId>' +
    '<Event><EventStruct><EventCode>1 BOOT</EventCode></EventStruct></Event><ParameterList>' +
    '<ParameterValueStruct><Name>Device.X</Name><Value>1</Value></ParameterValueStruct>' +
    '<ParameterValueStruct><Name>Device.ManagementServer.ConnectionRequestURL</Name><Value>http://192.0.2.1:7547/</Value>' +
    '</ParameterValueStruct></ParameterList></c:Inform></s:Body></s:Envelope>';
  const faults = [
    '<x a=1>',
    '<x a=1/>',
    '<x a="1"b="2"></x>',
    '<x a="<">y</x>',
    '<x a=">"></x>',
    '<\u00e9>',
    '<1>',
    '<x',
    '<x/ >',
    '</y>',
    '</DeviceId more>',
    '</ParameterList>',
    '</c:Inform>',
    '</s:Envelope><s:Envelope>',
    '<x><y></x>',
    '& < >',
  ];
  for (const fault of faults) {
    for (let at = message.indexOf('>'); at >= 0; at = message.indexOf('>', at + 1)) {
      const text = `${message.slice(0, at + 1)}${fault}${message.slice(at + 1)}`;
      compare(Buffer.from(text, 'latin1'), undefined, `${fault} at ${at}`);
    }
  }
});

test('gives the same bytes and facts with and without shortcuts: what makes a careless search look at all the rest again', () => {
  const end = '<ParameterValueStruct></ParameterValueStruct></Inform>';
  for (const unit of [
    '<a>&#67;UUUUUUUUUUUU</a>',
    '<a>ConnectionRequestURL&&&&&&&&</a>',
    `<ParameterValueStruct><Name><x a="${'<!--'.repeat(4000)}"/></Name></ParameterValueStruct>`,
    '<ParameterValueStruct><Name>\u00e9</Name><q><w><e/></w></q></ParameterValueStruct>',
  ]) {
    const times = Math.ceil(300_000 / unit.length);
    compare(Buffer.from(`<Inform>${unit.repeat(times)}${end}`, 'latin1'), undefined, unit.slice(0, 40));
  }
});

test('a Value whose Name comes after it is replaced or left whole, wherever the end tag of the Name is split', () => {
  const name = `<Name>${' '.repeat(9000)}Device.ManagementServer.ConnectionRequestURL</Name${' '.repeat(16_000)}>`;
  const value = `<Value>http://192.0.2.1:7547/${' '.repeat(9000)}</Value>`;
  const body = Buffer.from(
    `<Inform><ParameterList><ParameterValueStruct>${value}${name}</ParameterValueStruct></ParameterList></Inform>`,
  );
  const whole = rewriteMessage(body, { rewriteUrl });
  assert.equal(whole.message.outcome, 'rewritten');
  for (const cut of [body.indexOf('</Name') + 6, body.indexOf('</Name') + 9000, body.lastIndexOf('></Param')]) {
    const { body: pieces } = rewritePieces([body.subarray(0, cut), body.subarray(cut)], undefined);
    assert.equal(pieces, Buffer.from(whole.body).toString('latin1'), `cut at ${cut}`);
  }
});
