import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCwmpProxy } from '@cwmp-proxy/core';
import { serve } from '../helpers/serve.js';

// What the proxy's ancestor in Go promised of its rewriting, held end to end.

const value = '<Value xsi:type="xsd:string">http://8.8.8.8:7547</Value>';

function struct(root: string): string {
  return `<ParameterValueStruct><Name>${root}.ManagementServer.ConnectionRequestURL</Name>${value}</ParameterValueStruct>`;
}

function envelope(content: string): string {
  return (
    '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/" xmlns:cwmp="urn:dslforum-org:cwmp-1-0">' +
    `<soap:Body><cwmp:Inform><ParameterList>${content}</ParameterList></cwmp:Inform></soap:Body></soap:Envelope>`
  );
}

const cases = [
  {
    name: 'the URL in an envelope, InternetGatewayDevice',
    body: envelope(struct('InternetGatewayDevice')),
    rewritten: true,
  },
  { name: 'the URL in an envelope, Device', body: envelope(struct('Device')), rewritten: true },
  { name: 'the URL in a bare fragment, InternetGatewayDevice', body: struct('InternetGatewayDevice'), rewritten: true },
  { name: 'the URL in a bare fragment, Device', body: struct('Device'), rewritten: true },
  { name: 'a message without the URL', body: envelope(''), rewritten: false },
  { name: 'an empty body', body: '', rewritten: false },
];

for (const { name, body, rewritten } of cases) {
  test(`${rewritten ? 'rewrites' : 'passes unchanged'} ${name}`, async (t) => {
    let received: string | undefined;
    const acs = await serve(t, (request, response) => {
      received = '';
      request.setEncoding('utf8').on('data', (text: string) => (received += text));
      request.on('end', () => response.end());
    });
    const proxy = createCwmpProxy({
      publicUrl: 'http://gateway.example:8080',
      backends: [acs.url],
      connectionRequests: { allow: ['127.0.0.0/8'], users: { acs: 'secret' } },
    });
    t.after(() => proxy.close());
    const gateway = await serve(t, (request, response) => void proxy.handle(request, response));

    const response = await fetch(gateway.url, { method: 'POST', body, headers: { connection: 'close' } });
    assert.equal(response.status, 200);
    await response.arrayBuffer();
    const proxied = value.replace('http://', 'http://gateway.example:8080/client?origin=http://');
    assert.equal(received, rewritten ? body.replace(value, proxied) : body);
  });
}
