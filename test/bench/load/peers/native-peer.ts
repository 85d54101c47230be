import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../../helpers/free-port.js';
import { pin } from '../pinning.js';
import { haproxyConfig } from './haproxy.js';
import { nginxConfig } from './nginx.js';

/** What a configuration of a native peer is written from. */
export interface NativeSettings {
  port: number;
  /** Host and port of the backend. */
  backend: string;
  /** PEM file with key and certificate; `undefined` for plain HTTP. */
  pem: string | undefined;
  /** A folder of its own. */
  folder: string;
}

/** The name of a native peer, and of its program. */
export type NativePeerName = 'nginx' | 'haproxy';

interface NativeProgram {
  config: (settings: NativeSettings) => string;
  args: (config: string, folder: string) => string[];
}

const programs: Readonly<Record<NativePeerName, NativeProgram>> = {
  nginx: { config: nginxConfig, args: (config, folder) => ['-c', config, '-p', folder, '-e', 'stderr'] },
  haproxy: { config: haproxyConfig, args: (config) => ['-f', config, '-db'] },
};

/** Debian keeps daemons where a user's PATH does not lead. */
const env = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/usr/local/sbin` };

/** First line of what the program says of its version; `undefined` where it is not installed. */
export function nativeVersion(name: NativePeerName): string | undefined {
  const { status, stdout, stderr } = spawnSync(name, ['-v'], { env, encoding: 'utf8' });
  return status === 0 ? `${stdout}${stderr}`.split('\n')[0] : undefined;
}

/** nginx or HAProxy, one process with one worker. */
export class NativePeer {
  readonly port: number;
  readonly #child: ChildProcess;
  readonly #folder: string;

  private constructor(child: ChildProcess, port: number, folder: string) {
    this.#child = child;
    this.port = port;
    this.#folder = folder;
  }

  static async start(name: NativePeerName, backendPort: number, tls: boolean): Promise<NativePeer> {
    const program = programs[name];
    const folder = mkdtempSync(join(tmpdir(), `cwmp-bench-${name}-`));
    const port = await freePort();
    const pem = tls ? writePem(folder) : undefined;
    const path = join(folder, 'config');
    writeFileSync(path, program.config({ port, backend: `127.0.0.1:${backendPort}`, pem, folder }));
    const child = spawn(name, program.args(path, folder), { env, stdio: ['ignore', 'ignore', 'inherit'] });
    pin(child.pid ?? 0, 'proxy');
    const peer = new NativePeer(child, port, folder);
    for (let tries = 0; !(await answers(port)); tries += 1) {
      if (tries === 100 || child.exitCode !== null) throw new Error(`${name} does not start`);
      await sleep(20);
    }
    return peer;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const gone = once(this.#child, 'exit');
      this.#child.kill('SIGKILL');
      await gone;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function writePem(folder: string): string {
  const fixtures = new URL('../../../../../test/bench/load/fixtures/', import.meta.url);
  const path = join(folder, 'both.pem');
  const parts = ['cert', 'key'].map((name) => readFileSync(new URL(`loopback-${name}.pem`, fixtures), 'utf8'));
  writeFileSync(path, parts.join(''), { mode: 0o600 });
  return path;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
