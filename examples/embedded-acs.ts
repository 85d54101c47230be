// An ACS of your own with the proxy inside its process, without a second HTTP hop: its route gets the Informs rewritten, and
// its connection requests go through the proxy.
//
//   npm run example embedded-acs
import { createCwmpProxy, logEvents } from '@cwmp-proxy/core';
import { cwmpProxy, rewriteInform } from '@cwmp-proxy/express';
import { statusPage } from '@cwmp-proxy/core/status-page';
import express from 'express';
import { answerFaults } from './answer-faults.js';

const port = Number(process.env['PORT'] ?? 8080);
const proxy = createCwmpProxy({
  publicUrl: `http://127.0.0.1:${port}`,
  // No backends: the ACS is here.
  connectionRequests: {
    allow: ['127.0.0.0/8', '192.168.0.0/16'],
    users: { acs: 'secret' },
    credentials: { username: 'cpe', password: 'secret' },
  },
});
logEvents(proxy, { debug() {}, info: console.log, warn: console.warn });

const answer =
  '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/" xmlns:cwmp="urn:dslforum-org:cwmp-1-0"><soap:Body>' +
  '<cwmp:InformResponse><MaxEnvelopes>1</MaxEnvelopes></cwmp:InformResponse></soap:Body></soap:Envelope>';

const app = express();
app.post('/acs', rewriteInform(proxy), express.text({ type: () => true }), (request, response) => {
  if (request.cwmp?.isInform !== true) {
    response.sendStatus(204);
    return;
  }
  console.log('the ACS got', /ConnectionRequestURL<\/Name>\s*<Value[^>]*>([^<]*)/.exec(String(request.body))?.[1]);
  response.type('text/xml').send(answer);
});
app.use('/status', statusPage(proxy));
// Nothing but the connection-request endpoint is left to the proxy.
app.use(cwmpProxy(proxy, { paths: [] }));
app.use(answerFaults);

const server = app.listen(port, () => {
  console.log(`
Watch it:      http://127.0.0.1:${port}/status
Send an Inform:
  curl -d '<Inform><ParameterList><ParameterValueStruct><Name>Device.ManagementServer.ConnectionRequestURL</Name><Value>http://192.168.100.50:7547</Value></ParameterValueStruct></ParameterList></Inform>' http://127.0.0.1:${port}/acs
Wake the CPE, as an ACS does:
  curl -i -u acs:secret 'http://127.0.0.1:${port}/client?origin=http://192.168.100.50:7547'
`);
});
server.keepAliveTimeout = 60_000;
