import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';
import { valuesOf } from './answer-reader.js';
import type { SeenRequest } from './fuzz-backend.js';
import type { ConnectionRecord } from './fuzz-cpe.js';
import type { RequestPlan } from './request-plan.js';

const decoders = {
  gzip: gunzipSync,
  'x-gzip': gunzipSync,
  deflate: inflateSync,
  br: brotliDecompressSync,
} as const;

function isDecodable(coding: string): coding is keyof typeof decoders {
  return coding in decoders;
}

const proxiedPrefix = 'http://gateway.example:8080/client?origin=';

/** What is wrong with the body that a backend got for a request, if anything is. */
export function faultOfBody({ method, body, aim }: RequestPlan, seen: SeenRequest): string | undefined {
  if (aim === 'unframed' || !body.intact) return undefined;
  const sent = method === 'POST' ? body.text : body.bytes;
  let got = seen.body;
  if (method === 'POST' && body.coding !== undefined && isDecodable(body.coding)) {
    if (!seen.whole) return undefined;
    // The proxy decodes what it rewrites, and tells so.
    const [, coding] = /\r\ncontent-encoding: *([^\r]*)/i.exec(seen.head) ?? [];
    if (coding !== undefined) {
      if (!isDecodable(coding)) return `content coding ${coding}`;
      got = decoders[coding](got);
    }
  }
  if (method !== 'POST' || body.url === undefined) {
    return (seen.whole ? got.equals(sent) : sent.subarray(0, got.length).equals(got))
      ? undefined
      : 'other bytes than sent';
  }
  const [before = '', after = ''] = sent.toString('latin1').split(body.url);
  const text = got.toString('latin1');
  if (!text.startsWith(before.slice(0, text.length))) return 'other bytes in front of the URL';
  if (!seen.whole) return undefined;
  if (!text.endsWith(after)) return 'other bytes behind the URL';
  const value = text.slice(before.length, text.length - after.length).replaceAll('&amp;', '&');
  const original = value.startsWith(proxiedPrefix) && decodeURIComponent(value.slice(proxiedPrefix.length));
  return original === body.url ? undefined : `the URL became ${value}`;
}

/** How much the peers and the host leave to be said of an answer. */
interface Trust {
  /** Index of the first request whose host ended or broke its response: what comes then is the host's. */
  reliableUntil: number;
  /** Whether Node answers 400 when it sees what is no request, out of turn. */
  mayBeRefusedByNode: boolean;
}

function trustOf({ requests }: ConnectionRecord): Trust {
  const broken = requests.findIndex(({ fault }) => fault !== undefined && fault.kind !== 'answers');
  const odd = requests.some(
    // Behind its 417 Node does not read the body as one.
    ({ aim, closes, body }) =>
      aim === 'unframed' || aim === 'refused' || closes || (aim === 'elsewhere' && body.bytes.length > 0),
  );
  return { reliableUntil: broken === -1 ? Infinity : broken, mayBeRefusedByNode: odd };
}

/** What is wrong with the answers of a connection. */
export function faultsOfAnswers(record: ConnectionRecord): string[] {
  const { answers, requests, malformed, forgotten } = record;
  const { reliableUntil, mayBeRefusedByNode } = trustOf(record);
  const faults: string[] = [];
  if (forgotten && requests.at(-1)?.aim !== 'unframed') {
    faults.push(`neither answer nor end for ${requests[answers.length]?.mark ?? 'a connection that the CPE closed'}`);
  }
  if (malformed !== undefined && answers.length < reliableUntil) faults.push(`malformed: ${malformed}`);
  for (const [index, answer] of answers.slice(0, reliableUntil).entries()) {
    const request = requests[index];
    if (request === undefined) {
      if (!mayBeRefusedByNode || answer.status !== 400) faults.push(`an answer of ${answer.status} to no request`);
      continue;
    }
    const [mark = String(request.mark)] = valuesOf(answer.fields, 'x-mark');
    const [handled = String(request.mark)] = valuesOf(answer.fields, 'x-request');
    if (mark !== String(request.mark)) faults.push(`${request.mark} got the answer to ${mark}`);
    if (handled !== String(request.mark)) faults.push(`${request.mark} got what was answered to ${handled}`);
    if (valuesOf(answer.fields, 'x-mark').length > 0) {
      // A backend that closes a while after an answer may do so in the middle of the next one.
      const isClosing = requests.slice(0, index).some((before) => before.answer.after.how !== 'keep');
      const fault = faultOfAnswer(request, answer, isClosing);
      if (fault !== undefined) faults.push(`${request.mark}: ${fault}`);
    }
  }
  return faults;
}

function faultOfAnswer(
  { answer: plan }: RequestPlan,
  got: ConnectionRecord['answers'][number],
  isClosing: boolean,
): string | undefined {
  if (!plan.intact) return undefined;
  if (got.status !== plan.status) return `status ${got.status} in place of ${plan.status}`;
  // libuv reports a reset that comes together with bytes as an end in order.
  const mayEndEarly = isClosing || plan.after.how === 'rst' || (plan.cut !== undefined && plan.cut.how !== 'stall');
  if (plan.endsByClose && mayEndEarly) {
    return plan.body.subarray(0, got.body.length).equals(got.body) ? undefined : 'other bytes in its answer';
  }
  return plan.body.equals(got.body)
    ? undefined
    : `other bytes in its answer: ${got.body.length} of ${plan.body.length}`;
}

/** What is wrong with what reached backends of a connection. */
export function faultsOfDelivery(record: ConnectionRecord, seen: ReadonlyMap<number, SeenRequest>): string[] {
  const { requests, answers } = record;
  const faults: string[] = [];
  // Why nothing more may reach a backend, once there is a reason.
  let closed: string | undefined;
  for (const [index, request] of requests.entries()) {
    const { mark, aim, fault, closes } = request;
    const got = seen.get(mark);
    const answer = answers[index];
    if (got !== undefined) {
      if (aim === 'refused' || aim === 'elsewhere') faults.push(`${mark} reached a backend and is ${aim}`);
      if (closed !== undefined) faults.push(`${mark} reached a backend behind ${closed}`);
      if (got.method !== request.method) faults.push(`${mark} reached a backend as ${got.method}`);
      const wrong = faultOfBody(request, got);
      if (wrong !== undefined) faults.push(`${mark} reached a backend with ${wrong}`);
    } else if (aim === 'acs' && fault === undefined && answer === undefined) {
      closed ??= `${mark}, which did not and was not answered`;
    }
    if (aim === 'refused' && fault === undefined) closed ??= `${mark}, which is refused`;
    if (closes) closed ??= `${mark}, which asks to close`;
    if (answer?.closes === true) closed ??= `the answer to ${mark}, which closes`;
  }
  return faults;
}
