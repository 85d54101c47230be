import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { TestContext } from 'node:test';
import { serve } from './serve.js';

/** A request as an ACS got it. */
export interface Received {
  method: string;
  url: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/** An ACS that answers an Inform with an InformResponse and an empty POST with 204, and keeps what it got. */
export interface Acs {
  url: string;
  received: Received[];
}

/** What the ACS answers an Inform with. */
export const informResponse: string =
  '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body><cwmp:InformResponse ' +
  'xmlns:cwmp="urn:dslforum-org:cwmp-1-0"><MaxEnvelopes>1</MaxEnvelopes></cwmp:InformResponse></soap:Body></soap:Envelope>';

/** Starts an ACS for the length of one test. */
export async function startAcs(t: TestContext, answer?: (response: ServerResponse) => void): Promise<Acs> {
  const received: Received[] = [];
  const { url } = await serve(t, (request, response) => {
    void request.toArray().then((chunks: Buffer[]) => {
      const body = Buffer.concat(chunks);
      received.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers, body });
      if (answer !== undefined) answer(response);
      else if (body.length === 0) response.writeHead(204).end();
      else response.writeHead(200, { 'Content-Type': 'text/xml', 'Set-Cookie': ['a=1', 'b=2'] }).end(informResponse);
    });
  });
  return { url, received };
}

/** An Inform with a ConnectionRequestURL; the white space and the CRLFs must survive. */
export function inform(url = 'http://192.168.100.50:7547', serialNumber = 'S1', event = '2 PERIODIC'): string {
  return (
    '<?xml version="1.0" encoding="UTF-8"?>\r\n<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/" ' +
    'xmlns:cwmp="urn:dslforum-org:cwmp-1-0"><soap:Body><cwmp:Inform><DeviceId><Manufacturer>Zürich</Manufacturer>' +
    `<OUI>020000</OUI><ProductClass>P</ProductClass><SerialNumber>${serialNumber}</SerialNumber></DeviceId>\r\n` +
    `<Event><EventStruct><EventCode>${event}</EventCode><CommandKey/></EventStruct></Event>` +
    '<ParameterList><ParameterValueStruct><Name>Device.ManagementServer.ConnectionRequestURL</Name>' +
    `<Value>${url}</Value></ParameterValueStruct></ParameterList></cwmp:Inform></soap:Body></soap:Envelope>`
  );
}
