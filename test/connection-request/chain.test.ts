import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { UrlForm } from '@cwmp-proxy/core';
import { curl, startDigestCpe, startGate } from '../helpers/gate.js';

const cpe = { username: 'cpe', password: 'secret' };
const outerUser = { username: 'outer', password: 'lamp' };
const innerUser = { username: 'inner', password: 'oil' };
const allow = ['127.0.0.0/8'];
const signingKeys = ['one key for all proxies of the ISP'];

for (const form of ['query', 'path'] satisfies UrlForm[]) {
  test(`a proxy behind a proxy: the ${form} form of the one is an origin of the other, signed by both`, async (t) => {
    const device = await startDigestCpe(t, cpe);
    const inner = await startGate(t, {
      allow,
      users: { [innerUser.username]: innerUser.password },
      credentials: cpe,
      urls: { form, signingKeys },
    });
    const outer = await startGate(t, {
      allow,
      users: { [outerUser.username]: outerUser.password },
      credentials: innerUser,
      urls: { form, signingKeys },
    });
    const once = await inner.proxied(device.url);
    assert.equal(await inner.proxied(once), once, 'its own is left alone');
    const twice = await outer.proxied(once);
    assert.notEqual(twice, once);
    const user = ['-u', `${outerUser.username}:${outerUser.password}`];
    assert.equal(await curl(outer.port, twice, '--digest', ...user), 200);
    assert.equal(device.wakes, 1);
    const foreign = once.replace(inner.url, outer.url);
    assert.equal(await curl(outer.port, foreign, '--digest', ...user), 403, "another proxy's URL, with the same key");
    assert.equal(device.wakes, 1);
  });
}
