import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { nativeVersion } from './peers/native-peer.js';
import { pinningNote } from './pinning.js';

const packages = [
  'undici',
  'express',
  'koa',
  'http-proxy',
  'http-proxy-3',
  'http-proxy-middleware',
  '@fastify/http-proxy',
  'fastify',
];

/** What the figures were measured with and on, by name. */
export function describeMachine(): Record<string, string> {
  const [cpu] = cpus();
  const versions: Record<string, string> = { node: process.versions.node };
  for (const name of packages) versions[name] = versionOf(name);
  for (const name of ['nginx', 'haproxy'] as const) versions[name] = nativeVersion(name) ?? 'not installed';
  return {
    machine: `${cpus().length} × ${cpu?.model ?? 'unknown'}, ${Math.round(totalmem() / 1e9)} GB, Linux ${release().replace(/[^\d.].*/, '')}`,
    'load average at the start': loadavg()
      .map((load) => load.toFixed(2))
      .join(' '),
    pinning: pinningNote(),
    ...versions,
  };
}

function versionOf(name: string): string {
  const paths = createRequire(import.meta.url).resolve.paths(name) ?? [];
  for (const path of paths) {
    try {
      const parsed: unknown = JSON.parse(readFileSync(`${path}/${name}/package.json`, 'utf8'));
      if (typeof parsed === 'object' && parsed !== null && 'version' in parsed) return String(parsed.version);
    } catch {
      // The next folder up may have it.
    }
  }
  return 'unknown';
}
