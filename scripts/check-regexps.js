// Reports regular expressions whose time grows faster than their input, so that no text can be made that is expensive to read:
// those in the compiled packages and examples, or in the folders that are named. Run after a build. Not seen are a loop in which each
// match reads to the end of the text and fails there (`npm run bench:stall` has such texts), and a text that is given to `match`.
import { parse } from 'acorn';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import recheck from 'recheck';

// The other ways need Java or a binary for the platform.
process.env.RECHECK_BACKEND = 'pure';

const root = fileURLToPath(new URL('..', import.meta.url));
const compiled = ['packages/core/dist', 'packages/express/dist', 'packages/koa/dist', 'build/examples'];
const named = process.argv.slice(2).map((folder) => resolve(folder));
const folders = named.length > 0 ? named : compiled.map((folder) => join(root, folder));
/** A module that runs when it loads is not loaded, and makes no expression of text. */
const programs = join(root, 'build/examples');

/** Where each expression stands: several places may have the same one. */
const places = new Map();
const faults = [];

function note(place, source, flags) {
  const key = `/${source}/${flags}`;
  const known = places.get(key);
  if (known === undefined) places.set(key, { source, flags, at: [place] });
  else known.at.push(place);
}

/** Each expression that is written as one. How many calls of `RegExp` there are. */
function readLiterals(path) {
  const tokens = [];
  const code = readFileSync(path, 'utf8');
  parse(code, { ecmaVersion: 'latest', sourceType: 'module', locations: true, onToken: tokens });
  let calls = 0;
  for (const [index, { type, value, loc }] of tokens.entries()) {
    if (type.label === 'regexp') note(`${relative(root, path)}:${loc.start.line}`, value.pattern, value.flags);
    if (type.label === 'name' && value === 'RegExp' && tokens[index + 1]?.type.label === '(') calls += 1;
  }
  return calls;
}

/** Each expression that a module makes of text while it loads. What it makes later depends on what it is given. */
async function readMade(path) {
  const { href } = pathToFileURL(path);
  const { RegExp } = globalThis;
  let made = 0;
  const watch = (expression) => {
    if (new Error('here').stack.split('\n')[3]?.includes(href)) {
      made += 1;
      note(relative(root, path), expression.source, expression.flags);
    }
    return expression;
  };
  globalThis.RegExp = new Proxy(RegExp, {
    construct: (target, args) => watch(Reflect.construct(target, args)),
    apply: (target, self, args) => watch(Reflect.apply(target, self, args)),
  });
  try {
    // A module that another one has loaded already is loaded once more.
    await import(`${href}?regexps`);
  } finally {
    globalThis.RegExp = RegExp;
  }
  return made;
}

for (const folder of folders) {
  if (!existsSync(folder)) throw new Error(`${folder} is not there: build first`);
  for (const name of readdirSync(folder, { recursive: true })) {
    const path = join(folder, name);
    if (!path.endsWith('.js')) continue;
    const calls = readLiterals(path);
    if (calls === 0) continue;
    const made = folder === programs ? 0 : await readMade(path);
    if (made < calls)
      faults.push(`${relative(root, path)}: an expression is made of text, and not while a module loads`);
  }
}
for (const [text, { source, flags, at }] of places) {
  const { status, complexity, attack, error } = await recheck.check(source, flags, { timeout: 60_000 });
  if (status === 'safe') continue;
  const why = status === 'vulnerable' ? `${complexity.summary}, by ${attack.pattern}` : `not known, ${error.kind}`;
  faults.push(`${at.join(', ')}: ${text}\n  ${why}`);
}
console.log(`${places.size} regular expressions`);
for (const fault of faults) console.error(fault);
process.exitCode = faults.length === 0 ? 0 : 1;
