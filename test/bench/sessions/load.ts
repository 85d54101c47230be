import { type Socket, connect } from 'node:net';
import { getParameterValuesResponse, inform } from '../../helpers/cpe-clients/cwmp-bodies.js';

function post(body: string, ...fields: string[]): string {
  const head = ['POST /acs HTTP/1.1', 'Host: acs.example', 'User-Agent: CPE', ...fields];
  return [...head, `Content-Length: ${body.length}`, '', body].join('\r\n');
}

const xml = ['Content-Type: text/xml; charset="utf-8"', 'SOAPAction: '];
const cookie = 'Cookie: session=0123456789abcdef';
/** About 4 KB, as Informs come in the field. */
const padding = '<ParameterValueStruct><Name>Device.DeviceInfo.X</Name><Value>1</Value></ParameterValueStruct>'.repeat(
  30,
);
const url = 'http://10.20.30.40:7547/cpe?id=1&amp;x=2';
const informed = inform('SERIAL', url).replace('<ParameterList>', `<ParameterList>${padding}`);
const messages = [
  post(informed, ...xml),
  post('', cookie),
  post(getParameterValuesResponse(url, padding), ...xml, cookie),
];

/** Sends one message on a connection; resolves when its answer, of which the length is told, is whole. */
function exchange(socket: Socket, message: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = '';
    const onData = (chunk: Buffer): void => {
      text += chunk.toString('latin1');
      const head = text.indexOf('\r\n\r\n');
      if (head === -1) return;
      const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0);
      if (text.length < head + 4 + length) return;
      socket.off('data', onData).off('close', onClose);
      if (/^HTTP\/1\.1 20[04] /.test(text)) resolve();
      else reject(new Error(text.slice(0, 80)));
    };
    const onClose = (): void => reject(new Error('closed'));
    socket.on('data', onData).on('close', onClose).write(message);
  });
}

async function open(port: number): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve).once('error', reject);
  });
  socket.on('error', () => {});
  return socket;
}

async function times(count: number, atOnce: number, work: () => Promise<void>): Promise<void> {
  let left = count;
  const worker = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await work();
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

/** Runs whole sessions, each on a connection of its own. */
export function runSessions(port: number, count: number, atOnce: number): Promise<void> {
  return times(count, atOnce, async () => {
    const socket = await open(port);
    for (const message of messages) await exchange(socket, message);
    socket.destroy();
  });
}

/** Opens sessions and leaves them in the middle. */
export async function openSessions(port: number, count: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  await times(count, 50, async () => {
    const socket = await open(port);
    sockets.push(socket);
    await exchange(socket, messages[0] ?? '');
  });
  return sockets;
}
