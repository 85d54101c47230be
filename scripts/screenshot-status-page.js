// Takes the picture of the status page that the README shows, in Debian's Chromium, with a scene instead of real devices:
//
//   npm run build && node scripts/screenshot-status-page.js [folder]
import { EventEmitter, once } from 'node:events';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { statusPage } from '../packages/core/dist/status-page/index.js';

const folder = process.argv[2] ?? 'docs';
const backend = (last, state, sessions, inFlight, failures, weight = 1) => ({
  url: `http://10.0.0.${last}:7547`,
  state,
  since: new Date(Date.now() - 864e5),
  weight,
  sessions,
  inFlight,
  failures,
});
const scene = Object.assign(new EventEmitter(), {
  stats: () => ({
    since: new Date(Date.now() - 36e6),
    sessions: { open: 412, started: 90_211, ended: { complete: 89_640, 'cpe-gone': 159 } },
    messages: { rewritten: 91_002, none: 172_455 },
    exchanges: 268_113,
    wakes: { accepted: 1_203, informed: 2_911, busy: 41, 'credentials-refused': 9, unreachable: 73 },
    failures: { ERR_CWMP_BACKEND_TIMEOUT: 4, ERR_CWMP_CPE_GONE: 8 },
    warnings: {},
    backends: [
      backend(11, 'up', 206, 17, 0, 2),
      backend(12, 'up', 119, 9, 0),
      backend(13, 'draining', 87, 5, 0),
      backend(14, 'ejected', 0, 0, 5),
    ],
  }),
});
const status = statusPage(scene);

// Real seconds must pass before rates show; the scene has the clock of the page's recorder count for it.
const realNow = Date.now;
for (let second = 125; second > 0; second -= 1) {
  const at = realNow() - second * 1_000;
  Date.now = () => at;
  const storm = second < 80 && second > 55 ? 26 * Math.exp(-((second - 66) ** 2) / 40) : 0;
  const begun = Math.round(9 + 3 * Math.sin(second / 7) + 2 * Math.sin(second * 1.7) + storm);
  for (let count = 0; count < begun; count += 1) scene.emit('sessionStart', {});
}
const inform = (secondsAgo, manufacturer, oui, productClass, serialNumber, events, host, server, session) => {
  Date.now = () => realNow() - secondsAgo * 1_000;
  const device = { manufacturer, oui, productClass, serialNumber };
  scene.emit('inform', {
    device,
    events,
    url: `http://192.168.${host}`,
    backend: `http://10.0.0.${server}:7547`,
    session,
  });
};
const wake = (secondsAgo, outcome, origin, ms, legs, more = {}) => {
  Date.now = () => realNow() - secondsAgo * 1_000;
  scene.emit('wake', { id: origin, outcome, origin: `http://192.168.${origin}`, ms, legs, ...more });
};
inform(95, 'Technicolor', '589835', 'DGA4134', 'CP2217RT4QK', ['2 PERIODIC'], '100.31:7547/', 11, 'a41c9e-1x2f');
inform(
  71,
  'ZTE',
  '38E1AA',
  'H3600P',
  'ZTEEH7XKC800',
  ['1 BOOT', '4 VALUE CHANGE'],
  '100.77:58000/tr069',
  13,
  'a41c9e-1x2k',
);
inform(38, 'AVM', '00040E', 'FRITZ!Box', '3C37128A0F41', ['2 PERIODIC'], '101.9:8089/7f21cc', 12, 'a41c9e-1x30');
inform(20, 'MikroTik', '2CC81B', 'hAP ac²', 'HCX08T5YM3E', ['2 PERIODIC'], '100.42:7547/e13cc4', 11, 'a41c9e-1x35');
inform(
  6,
  'Zyxel',
  'B8D526',
  'VMG8825-T50',
  'S200Z38011422',
  ['6 CONNECTION REQUEST'],
  '100.50:7547/',
  12,
  'a41c9e-1x38',
);
const digest = { scheme: 'digest', algorithm: 'MD5' };
wake(312, 'timeout', '102.14:7547/', 1_800, [{ what: 'connect', ms: 1_800, error: 'timeout' }]);
wake(190, 'busy', '101.9:8089/7f21cc', 31, [
  { what: 'connect', ms: 4.1 },
  { what: 'request', status: 503, ms: 26.7 },
]);
wake(
  122,
  'credentials-refused',
  '100.77:58000/tr069',
  88,
  [
    { what: 'connect', ms: 3.8 },
    { what: 'request', status: 401, ms: 31 },
    { what: 'answer', status: 401, ms: 53 },
  ],
  digest,
);
wake(64, 'unreachable', '102.3:7547/', 3_021, [
  { what: 'connect', ms: 5.2, error: 'ECONNREFUSED' },
  { what: 'pause', ms: 1_000 },
  { what: 'connect', ms: 5, error: 'ECONNREFUSED' },
]);
wake(
  21,
  'accepted',
  '100.42:7547/e13cc4',
  47,
  [
    { what: 'connect', ms: 2.9 },
    { what: 'request', status: 401, ms: 18.8 },
    { what: 'answer', status: 200, ms: 25.2 },
  ],
  { scheme: 'digest', algorithm: 'SHA-256' },
);
wake(
  5,
  'informed',
  '100.50:7547/',
  1_264,
  [
    { what: 'connect', ms: 3.3 },
    { what: 'request', status: 401, ms: 21.4 },
    { what: 'answer', status: 200, ms: 38.1 },
    { what: 'inform', ms: 1_201 },
  ],
  digest,
);
Date.now = realNow;
const traffic = setInterval(() => scene.emit('sessionStart', {}), 105);

const server = createServer(status).listen(0, '127.0.0.1');
await once(server, 'listening');
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
});
const shots = [
  { name: 'status-page.png', viewport: { width: 1180, height: 940 }, colorScheme: 'light' },
  { name: 'status-page-dark.png', viewport: { width: 1180, height: 1000 }, colorScheme: 'dark' },
  { name: 'status-page-phone.png', viewport: { width: 390, height: 844 }, colorScheme: 'dark' },
];
for (const { name, ...options } of shots) {
  const page = await browser.newPage({ ...options, reducedMotion: 'reduce' });
  page.on('console', (message) => console.log(name, message.text()));
  await page.goto(`http://127.0.0.1:${server.address().port}/status`);
  await page.locator('.wake').nth(5).waitFor();
  await page.screenshot({ path: join(folder, name), fullPage: name.includes('phone') });
}
await browser.close();
clearInterval(traffic);
status.close();
server.close();
