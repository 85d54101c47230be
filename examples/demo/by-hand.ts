import { ladderHead, ladderRow } from './ladder.js';
import type { Paint } from './paint.js';
import type { Print } from './run-demo.js';
import type { World } from './world.js';

/** Prints commands to try against the running demo, and draws from then on what the peers see. */
export function offerToTry(world: World, print: Print, paint: Paint): void {
  const { gateway, acss, cpes, acsUser, journal } = world;
  print('');
  print(paint('title', 'All of it keeps running. Try it from another terminal:'));
  for (const cpe of cpes.slice(0, 2)) {
    const { name, serialNumber } = cpe.model;
    const url = acss.map((acs) => acs.connectionRequestUrls.get(serialNumber)).find((known) => known !== undefined);
    print('');
    print(paint('faint', `# Wake the ${name}, as its ACS does. Without -u you see the proxy's 401.`));
    print(`curl -gi -u ${acsUser.name}:${acsUser.password} '${url ?? ''}'`);
  }
  print('');
  print(paint('faint', '# Send an Inform as a CPE does; it goes to the next ACS in turn.'));
  print(`curl -i -H 'Content-Type: text/xml' -H 'SOAPAction:' --data-binary @- ${gateway.publicUrl}/ <<'XML'`);
  print(informByHand);
  print('XML');
  print('');
  print('Ctrl-C ends it. What the CPEs and ACSs see meanwhile:');
  print('');
  print(ladderHead(paint));
  journal.listen((observation) => print(ladderRow([observation], paint)));
}

const informByHand = `<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/" xmlns:cwmp="urn:dslforum-org:cwmp-1-0">
<soap:Body><cwmp:Inform>
<DeviceId><Manufacturer>Me</Manufacturer><OUI>020000</OUI><ProductClass>curl</ProductClass><SerialNumber>1</SerialNumber></DeviceId>
<Event><EventStruct><EventCode>1 BOOT</EventCode><CommandKey/></EventStruct></Event>
<MaxEnvelopes>1</MaxEnvelopes><CurrentTime>2026-01-01T00:00:00Z</CurrentTime><RetryCount>0</RetryCount>
<ParameterList><ParameterValueStruct>
<Name>Device.ManagementServer.ConnectionRequestURL</Name><Value>http://192.168.100.50:7547</Value>
</ParameterValueStruct></ParameterList>
</cwmp:Inform></soap:Body></soap:Envelope>`;
