import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { nameSources } from '#core/names/name-sources.js';

/** One record of an answer. */
export interface DnsRecord {
  readonly type: 'A' | 'AAAA' | 'CNAME';
  /** Default: the name that was asked for. */
  readonly name?: string;
  readonly value: string;
  /** In seconds. Default 60. */
  readonly ttl?: number;
}

/** What the double answers. */
export interface DnsAnswer {
  readonly records?: readonly DnsRecord[];
  /** 0 NOERROR, 1 FORMERR, 2 SERVFAIL, 3 NXDOMAIN, 4 NOTIMP, 5 REFUSED. */
  readonly rcode?: number;
  /** By UDP the answer is cut short, and has to be asked for by TCP. */
  readonly isTruncated?: boolean;
  /** Changes the answer before it is sent. */
  readonly spoil?: (packet: Buffer) => Buffer;
}

/** A name server on loopback. */
export interface DnsDouble {
  /** Address and port. */
  readonly server: string;
  /** What it was asked, `A cpe.test` for instance. */
  readonly asked: string[];
}

const types = { A: 1, CNAME: 5, AAAA: 28 } as const;

/** Starts a name server; where `answer` gives nothing it is silent. */
export async function startDns(
  t: TestContext,
  answer: (name: string, type: 'A' | 'AAAA') => DnsAnswer | undefined,
): Promise<DnsDouble> {
  const asked: string[] = [];
  const reply = (query: Buffer, isUdp: boolean): Buffer | undefined => {
    const { name, type, end } = readQuestion(query);
    if (type !== 'A' && type !== 'AAAA') return undefined;
    asked.push(`${type} ${name}`);
    const given = answer(name.toLowerCase(), type);
    return given && packetOf(query.subarray(0, end), given, isUdp);
  };
  const tcp = createServer((socket) => {
    let rest = Buffer.alloc(0);
    socket
      .on('error', () => undefined)
      .on('data', (data) => {
        rest = Buffer.concat([rest, data]);
        while (rest.length > 2 && rest.length >= 2 + rest.readUInt16BE(0)) {
          const end = 2 + rest.readUInt16BE(0);
          const packet = reply(rest.subarray(2, end), false);
          rest = rest.subarray(end);
          if (packet === undefined) continue;
          const length = Buffer.alloc(2);
          length.writeUInt16BE(packet.length);
          socket.write(Buffer.concat([length, packet]));
        }
      });
  });
  tcp.listen(0, '127.0.0.1');
  await once(tcp, 'listening');
  const address = tcp.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const udp = createSocket('udp4', (query, from) => {
    const packet = reply(query, true);
    if (packet !== undefined) udp.send(packet, from.port, from.address);
  });
  udp.bind(port, '127.0.0.1');
  await once(udp, 'listening');
  t.after(() => {
    udp.close();
    tcp.close();
  });
  return { server: `127.0.0.1:${port}`, asked };
}

/** What this process takes for the names of its machine, for the length of one test. */
export function useNames(
  t: TestContext,
  { servers, hosts = '', resolvConf = '' }: { servers: readonly DnsDouble[]; hosts?: string; resolvConf?: string },
): { writeHosts: (text: string) => void; writeResolvConf: (text: string) => void } {
  const folder = mkdtempSync(join(tmpdir(), 'names-'));
  const before = { ...nameSources };
  Object.assign(nameSources, {
    hosts: join(folder, 'hosts'),
    resolvConf: join(folder, 'resolv.conf'),
    servers: servers.map(({ server }) => server),
  });
  const files = {
    writeHosts: (text: string) => writeFileSync(nameSources.hosts, text),
    writeResolvConf: (text: string) => writeFileSync(nameSources.resolvConf, text),
  };
  files.writeHosts(hosts);
  files.writeResolvConf(resolvConf);
  t.after(() => {
    Object.assign(nameSources, before);
    rmSync(folder, { recursive: true });
  });
  return files;
}

function readQuestion(query: Buffer): { name: string; type: 'A' | 'AAAA' | undefined; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query.readUInt8(at); length > 0; length = query.readUInt8(at)) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  const code = query.readUInt16BE(at + 1);
  return {
    name: labels.join('.'),
    type: code === types.A ? 'A' : code === types.AAAA ? 'AAAA' : undefined,
    end: at + 5,
  };
}

function packetOf(
  question: Buffer,
  { records = [], rcode = 0, isTruncated = false, spoil }: DnsAnswer,
  isUdp: boolean,
): Buffer {
  const isCut = isTruncated && isUdp;
  const head = Buffer.from(question);
  head.writeUInt16BE(0x8180 | rcode | (isCut ? 0x0200 : 0), 2);
  head.writeUInt16BE(isCut ? 0 : records.length, 6);
  head.writeUInt32BE(0, 8);
  const packet = Buffer.concat([head, ...(isCut ? [] : records.map(recordOf))]);
  return spoil?.(packet) ?? packet;
}

function recordOf({ type, name, value, ttl = 60 }: DnsRecord): Buffer {
  const data =
    type === 'A' ? Buffer.from(value.split('.').map(Number)) : type === 'AAAA' ? ipv6Of(value) : nameOf(value);
  const fixed = Buffer.alloc(10);
  fixed.writeUInt16BE(types[type], 0);
  fixed.writeUInt16BE(1, 2);
  fixed.writeUInt32BE(ttl, 4);
  fixed.writeUInt16BE(data.length, 8);
  // Without a name of its own it points at the one that was asked for.
  return Buffer.concat([name === undefined ? Buffer.from([0xc0, 12]) : nameOf(name), fixed, data]);
}

function nameOf(name: string): Buffer {
  const labels = name.split('.').map((label) => Buffer.from(`${String.fromCharCode(label.length)}${label}`, 'latin1'));
  return Buffer.concat([...labels, Buffer.from([0])]);
}

function ipv6Of(text: string): Buffer {
  const [head = [], tail] = text.split('::').map((part) => (part === '' ? [] : part.split(':')));
  const gap = Array<string>(8 - head.length - (tail ?? []).length).fill('0');
  const groups = [...head, ...gap, ...(tail ?? [])];
  const bytes = Buffer.alloc(16);
  for (const [index, group] of groups.entries()) bytes.writeUInt16BE(Number.parseInt(group, 16), 2 * index);
  return bytes;
}
