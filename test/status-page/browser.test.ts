import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { createCwmpProxy, type CwmpProxy } from '@cwmp-proxy/core';
import { cwmpProxy } from '@cwmp-proxy/express';
import { statusPage } from '@cwmp-proxy/core/status-page';
import express from 'express';
import type { Page } from 'playwright-core';
import { type Acs, inform, startAcs } from '../helpers/acs.js';
import { connectionRequests, publicOrigin } from '../helpers/app.js';
import { noChromium, openBrowser } from '../helpers/chromium.js';
import { startCpe } from '../helpers/cpe-connection.js';
import { serve } from '../helpers/serve.js';
import { atEnd } from '../helpers/at-end.js';

interface Watched {
  url: string;
  proxy: CwmpProxy;
  acs: Acs;
  page: Page;
  /** What the browser complained of: a broken policy, an exception, a resource from elsewhere. */
  complaints: string[];
}

/** An Express app with a proxy and its status page, and a browser that looks at it. */
async function watch(
  t: TestContext,
  options: Parameters<Awaited<ReturnType<typeof openBrowser>>['newPage']>[0] = {},
): Promise<Watched> {
  const acs = await startAcs(t);
  const proxy = createCwmpProxy({ publicUrl: publicOrigin, backends: [acs.url], connectionRequests });
  atEnd(t, () => proxy.close());
  const status = statusPage(proxy);
  atEnd(t, () => status.close());
  const app = express().use('/status', status).use(cwmpProxy(proxy));
  const { url } = await serve(t, app);
  const browser = await openBrowser(t);
  const page = await browser.newPage(options);
  const complaints: string[] = [];
  page.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('request', (request) => {
    if (!request.url().startsWith(`${url}/status`) && !request.url().startsWith('data:'))
      complaints.push(request.url());
  });
  page.on('dialog', (dialog) => {
    complaints.push(`dialog ${dialog.message()}`);
    void dialog.dismiss();
  });
  await page.goto(`${url}/status`);
  await page.locator('#live[data-state=live]').waitFor();
  return { url, proxy, acs, page, complaints };
}

test('a session and a wake appear live', { skip: noChromium }, async (t) => {
  const { url, proxy, acs, page, complaints } = await watch(t);
  assert.equal(await page.locator('#backends .name').textContent(), acs.url);
  assert.equal(await page.locator('#backends .pill').textContent(), 'up');
  assert.equal(await page.locator('#open').textContent(), '0');

  const cpe = startCpe(t);
  await cpe.send({ url, body: inform('http://127.0.0.1:1/x', 'SERIAL-1', '1 BOOT') });
  await page.locator('#open', { hasText: '1' }).waitFor();
  const row = page.locator('#informs tbody tr');
  await row.locator('strong', { hasText: 'SERIAL-1' }).waitFor();
  assert.match((await row.textContent()) ?? '', /1 BOOThttp:\/\/127\.0\.0\.1:1\/x/);
  await cpe.send({ url });
  await page.locator('#open', { hasText: '0' }).waitFor();

  await proxy.wakeCpe('http://127.0.0.1:1/x');
  const wake = page.locator('.wake');
  await wake.waitFor();
  assert.equal(await wake.locator('.pill').textContent(), 'unreachable');
  assert.equal(await wake.locator('.name').textContent(), 'http://127.0.0.1:1/x');
  assert.match((await wake.locator('svg .leg.bad .what').textContent()) ?? '', /connect: ECONNREFUSED/);
  assert.deepEqual(complaints, []);
});

test('a wake that was answered is drawn leg by leg', { skip: noChromium }, async (t) => {
  const { proxy, page } = await watch(t);
  const cpe = await serve(t, (request, response) => {
    const challenge = { 'WWW-Authenticate': 'Digest realm="r", nonce="n", qop="auth"', connection: 'close' };
    response.writeHead(request.headers.authorization === undefined ? 401 : 200, challenge).end();
  });
  await proxy.wakeCpe(cpe.url);
  const wake = page.locator('.wake');
  await wake.waitFor();
  const legs = await wake.locator('.leg .what').allTextContents();
  assert.deepEqual(
    legs.filter((leg) => leg !== 'connect' && leg !== 'turn'),
    ['GET', '401', 'GET + Digest MD5', '200'],
  );
});

test('a device whose serial number is a script does no harm', { skip: noChromium }, async (t) => {
  const { url, page, complaints } = await watch(t);
  const evil = '&lt;/td&gt;&lt;script&gt;alert(1)&lt;/script&gt;&lt;img src=x onerror=alert(2)&gt;';
  const cpe = startCpe(t);
  await cpe.send({ url, body: inform('http://127.0.0.1:1/"><svg onload=alert(3)>', evil, '&lt;b&gt;x') });
  await cpe.send({ url });
  await page.locator('#informs strong').waitFor();
  assert.equal(
    await page.locator('#informs strong').textContent(),
    '</td><script>alert(1)</script><img src=x onerror=alert(2)>',
  );
  assert.equal(await page.locator('script, img').count(), 1, 'only the script of the page itself');
  assert.deepEqual(complaints, []);
});

for (const colorScheme of ['light', 'dark'] as const) {
  test(`fits a phone without scrolling sideways (${colorScheme})`, { skip: noChromium }, async (t) => {
    const { url, proxy, page } = await watch(t, { viewport: { width: 360, height: 740 }, colorScheme });
    const cpe = startCpe(t);
    await cpe.send({ url, body: inform(`http://127.0.0.1:1/${'x'.repeat(150)}`, 'S'.repeat(120)) });
    await cpe.send({ url });
    await proxy.wakeCpe(`http://127.0.0.1:1/${'y'.repeat(150)}`);
    await page.locator('.wake').waitFor();
    await page.locator('#informs strong').waitFor();
    const wide = await page.locator('html').evaluate(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth);
    assert.equal(wide, 0);
    const ground = await page
      .locator('body')
      .evaluate((body) => body.ownerDocument.defaultView?.getComputedStyle(body).backgroundColor);
    assert.equal(ground, colorScheme === 'dark' ? 'rgb(16, 21, 28)' : 'rgb(245, 246, 248)');
  });
}
