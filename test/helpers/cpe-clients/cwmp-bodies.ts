/** Text of the CWMP messages that the CPEs and ACSs of the tests send. */
const soap = 'http://schemas.xmlsoap.org/soap/envelope/';

export function envelope(body: string, id = '1'): string {
  return (
    `<?xml version="1.0" encoding="UTF-8"?>\n<soap:Envelope xmlns:soap="${soap}" xmlns:cwmp="urn:dslforum-org:cwmp-1-0">` +
    `<soap:Header><cwmp:ID soap:mustUnderstand="1">${id}</cwmp:ID></soap:Header><soap:Body>${body}</soap:Body></soap:Envelope>`
  );
}

function urlParameter(url: string): string {
  return (
    '<ParameterValueStruct><Name>Device.ManagementServer.ConnectionRequestURL</Name>' +
    `<Value>${url}</Value></ParameterValueStruct>`
  );
}

/** @param event What the CPE informs for. */
export function inform(serial: string, url: string = `http://192.0.2.1:7547/${serial}`, event = '2 PERIODIC'): string {
  return envelope(
    `<cwmp:Inform><DeviceId><Manufacturer>Test</Manufacturer><OUI>00AABB</OUI><ProductClass>Box</ProductClass>` +
      `<SerialNumber>${serial}</SerialNumber></DeviceId><Event><EventStruct><EventCode>${event}</EventCode><CommandKey/>` +
      `</EventStruct></Event><MaxEnvelopes>1</MaxEnvelopes><CurrentTime>2026-01-01T00:00:00Z</CurrentTime>` +
      `<RetryCount>0</RetryCount><ParameterList>${urlParameter(url)}</ParameterList></cwmp:Inform>`,
  );
}

export function getParameterValuesResponse(url: string, padding = ''): string {
  return envelope(
    `<cwmp:GetParameterValuesResponse><ParameterList>${padding}${urlParameter(url)}</ParameterList>` +
      '</cwmp:GetParameterValuesResponse>',
  );
}

export const informResponse: string = envelope(
  '<cwmp:InformResponse><MaxEnvelopes>1</MaxEnvelopes></cwmp:InformResponse>',
);

export const getParameterValues: string = envelope(
  '<cwmp:GetParameterValues><ParameterNames><string>Device.ManagementServer.</string></ParameterNames>' +
    '</cwmp:GetParameterValues>',
  '2',
);
