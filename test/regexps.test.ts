import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('../../scripts/check-regexps.js', import.meta.url));

const modules = [
  {
    name: 'is linear',
    code: String.raw`export const read = (text) => /^[a-z]+:\/\/[^/?#]*$/.exec(text);`,
    fault: undefined,
  },
  {
    name: 'is quadratic',
    code: String.raw`export const read = (text) => text.replace(/\/+$/, '');`,
    fault: /2nd degree/,
  },
  { name: 'is exponential', code: 'export const expression = /^(?:a|a)*$/;', fault: /exponential/ },
  {
    name: 'is quadratic behind a reference',
    code: String.raw`export const expression = /(a?)\1.*b.*b$/y;`,
    fault: /\d(?:nd|rd|th) degree/,
  },
  { name: 'is linear and made of text', code: "export const expression = new RegExp('^(?:a|b)*$');", fault: undefined },
  { name: 'is quadratic and made of text', code: "export const expression = RegExp('a+$', 'g');", fault: /2nd degree/ },
  {
    name: 'is made of text that a caller gives',
    code: 'export const make = (text) => new RegExp(text);',
    fault: /made of text, and not while a module loads/,
  },
];

for (const { name, code, fault } of modules) {
  test(`the check of regular expressions ${fault === undefined ? 'passes' : 'reports'} one that ${name}`, (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'cwmp-proxy-regexps-'));
    t.after(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
    writeFileSync(join(folder, 'planted.js'), code);
    const { status, stderr } = spawnSync(process.execPath, [script, folder], { encoding: 'utf8' });
    assert.equal(status, fault === undefined ? 0 : 1, stderr);
    if (fault === undefined) assert.equal(stderr, '');
    else {
      assert.match(stderr, fault);
      assert.match(stderr, /planted\.js/);
    }
  });
}
