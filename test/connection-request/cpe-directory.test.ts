import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CpeDirectory, type Identity } from '#core/connection-request/cpe-directory.js';
import { parseOrigin } from '#core/connection-request/cpe-url.js';

const device = (serialNumber: string) => ({ manufacturer: 'M', oui: '020000', productClass: 'P', serialNumber });

/** A directory, and what it says of an origin: the serial number, or why there is none. */
function directory(maxDevices = 10) {
  const collisions: string[] = [];
  const kept = new CpeDirectory(maxDevices, (origin) => collisions.push(origin));
  const identify = (url: string): Identity => kept.identify(parseOrigin(url)?.key ?? '');
  return {
    collisions,
    reports: (serialNumber: string, url: string): void =>
      kept.believe({ url, events: [], device: device(serialNumber) }),
    at: (url: string): string | undefined => {
      const identity = identify(url);
      return identity.state === 'known' ? identity.device.serialNumber : identity.state;
    },
    kept,
  };
}

const here = 'http://10.0.0.1:7547/a';
const there = 'http://10.0.0.2:7547/a';

test('an origin belongs to the device that reported it last', () => {
  const { reports, at, collisions } = directory();
  assert.equal(at(here), 'unknown');
  reports('A', here);
  assert.equal(at(here), 'A');
  reports('B', here);
  assert.equal(at(here), 'B');
  reports('B', here);
  assert.deepEqual([at(here), collisions], ['B', []]);
});

test('a device that moves leaves its origin to nobody, and takes the new one', () => {
  const { reports, at } = directory();
  reports('A', here);
  reports('A', there);
  assert.deepEqual([at(here), at(there)], ['unknown', 'A']);
});

test('devices that swap addresses by DHCP do not collide', () => {
  const { reports, at, collisions } = directory();
  reports('A', here);
  reports('B', there);
  reports('A', there);
  reports('B', here);
  assert.deepEqual([at(here), at(there), collisions], ['B', 'A', []]);
});

test('two devices that go on reporting one origin collide, told once, until one moves away', () => {
  const { reports, at, collisions } = directory();
  reports('A', here);
  reports('B', here);
  reports('A', here);
  assert.equal(at(here), 'ambiguous');
  reports('B', here);
  reports('A', here);
  assert.deepEqual([at(here), collisions], ['ambiguous', [here]]);
  reports('A', there);
  assert.deepEqual([at(here), at(there)], ['B', 'A']);
});

test('the device that informed longest ago is forgotten first, and unknown then', () => {
  const { reports, at } = directory(2);
  reports('A', here);
  reports('B', there);
  reports('A', here);
  reports('C', 'http://10.0.0.3/');
  assert.deepEqual([at(here), at(there)], ['A', 'unknown']);
});

test('what a CPE writes at length is not kept, and a DeviceId without a number names nobody', () => {
  const { kept, at } = directory();
  kept.believe({ url: here, events: [], device: device('x'.repeat(65_536)) });
  kept.believe({ url: there, events: [], device: { manufacturer: 'M', oui: '', productClass: 'P', serialNumber: '' } });
  assert.deepEqual([at(here), at(there)], ['unknown', 'unknown']);
});

test('the scheme, the port and the path tell origins apart', () => {
  const { reports, at } = directory();
  reports('A', 'https://cpe.test/');
  assert.equal(at('http://scpe.test:443/'), 'unknown');
  assert.equal(at('https://cpe.test/b'), 'unknown');
  assert.equal(at('https://CPE.test:443'), 'A');
});
