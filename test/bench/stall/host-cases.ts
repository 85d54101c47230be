import { EventEmitter } from 'node:events';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { createCwmpProxy } from '@cwmp-proxy/core';
import { readableRequest } from '#core/mount/kept-body.js';
import { addressesIn } from '#core/names/hosts-file.js';
import { StatusRecorder } from '#core/status-page/recorder.js';
import { repeated, textCase, type StallCase } from './stall-case.js';

// What a host hands in, and what the status page shows.

const fieldSizes = [16_384, 32_768, 65_536] as const;
const bodySizes = [1 << 20, 1 << 21, 1 << 22] as const;

/** A POST whose body has come, or was read by a parser in front. */
function postOf(body: Buffer | undefined, fields: Record<string, string>): IncomingMessage {
  const request = new IncomingMessage(new Socket());
  request.method = 'POST';
  request.headers = { 'transfer-encoding': 'chunked', 'content-type': 'text/xml', ...fields };
  request.complete = true;
  if (body !== undefined) request.push(body);
  request.push(null);
  return request;
}

function keptCase(name: string, text: (size: number) => string): StallCase {
  return {
    room: 'kept body',
    name,
    sizes: bodySizes,
    make(size) {
      const body = text(size);
      return {
        length: body.length,
        run() {
          const request = postOf(undefined, {});
          request.read();
          Object.defineProperty(request, 'readableEnded', { value: true });
          try {
            return readableRequest(request, body);
          } catch (error) {
            return error;
          }
        },
      };
    },
  };
}

const proxy = createCwmpProxy({
  publicUrl: 'http://proxy.example',
  backends: ['http://127.0.0.1:1'],
  connectionRequests: { allow: ['127.0.0.0/8'], users: { acs: 'secret' } },
});
const url = 'Device.ManagementServer.ConnectionRequestURL';

const hosts: StallCase[] = [
  keptCase('ASCII', (size) => repeated('<a>b</a>', size)),
  keptCase('letters of Latin-1', (size) => repeated('<a>\u00e9</a>', size)),
  keptCase('letters beyond it, and lost ones at the end', (size) => `${repeated('<a>\u20ac</a>', size)}\ufffd`),
  keptCase('blanks', (size) => repeated(' ', size)),
  {
    room: 'rewriteInform',
    name: 'structs with a URL each',
    sizes: bodySizes,
    make(size) {
      const struct = `<ParameterValueStruct><Name>${url}</Name><Value>http://10.0.0.1/</Value></ParameterValueStruct>`;
      const body = Buffer.from(`<Inform>${repeated(struct, size)}</Inform>`);
      return {
        length: body.length,
        run: () => proxy.rewriteRequest(postOf(body, {})),
      };
    },
  },
  textCase(
    'hosts file',
    'a name of one letter',
    bodySizes,
    (size) => repeated('10.0.0.1 aaaa\n', size),
    (text) => addressesIn(text, 'a'),
  ),
];

/** What the recorder keeps of events whose texts are as long as a CPE can make them. */
function recorded(
  name: string,
  emit: (emitter: EventEmitter, text: string) => void,
  text: (size: number) => string,
): StallCase {
  return textCase('status page', name, fieldSizes, text, (long) => {
    const emitter = new EventEmitter();
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it listens and does nothing else
    const recorder = new StatusRecorder(emitter as ConstructorParameters<typeof StatusRecorder>[0]);
    emit(emitter, long);
    const shown = [recorder.informsAfter(0), recorder.wakesAfter(0)];
    recorder.close();
    return shown;
  });
}

function informOf(emitter: EventEmitter, text: string): void {
  const device = { manufacturer: text, oui: text, productClass: text, serialNumber: text };
  emitter.emit('inform', { device, events: text.split('/'), url: text, backend: 'b', session: 's' });
}

function wakeOf(emitter: EventEmitter, text: string): void {
  emitter.emit('wake', { id: '1', origin: text, outcome: 'accepted', legs: [], ms: 1 });
}

const urls: [string, (size: number) => string][] = [
  ['letters', (size) => repeated('a', size)],
  ['slashes', (size) => `http:${repeated('/', size)}`],
  ['at signs', (size) => `http://${repeated('@', size)}`],
  ['user names', (size) => `http://${repeated('a:b@', size)}`],
  ['question marks', (size) => `http://a/${repeated('?', size)}`],
];

const shown: StallCase[] = [
  ...urls.map(([name, text]) => recorded(`an Inform, ${name}`, informOf, text)),
  ...urls.map(([name, text]) => recorded(`a wake, ${name}`, wakeOf, text)),
];

export const hostCases: readonly StallCase[] = [...hosts, ...shown];
