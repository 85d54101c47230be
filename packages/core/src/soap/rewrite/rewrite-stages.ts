import type { Duplex } from 'node:stream';
import { CwmpProxyError } from '../../errors.js';
import { CodingStage, oneChunk } from '../coding/coding-stage.js';
import {
  bytesBehindEnd,
  checkUnknownCoding,
  contentCodingOf,
  decoderFor,
  encoderFor,
  hasZlibHeader,
  invalidCoding,
  unreadable,
  type EncodedRewriteOptions,
  decodedLimit,
} from '../coding/content-coding.js';
import { InformRewriter } from './rewrite-stream.js';
import type { CwmpMessage } from '../message.js';

/** The stages that a body streams through. */
export interface RewriteStages {
  /** For `stream.pipeline`, between source and destination; none where the body passes as it comes. */
  readonly stages: readonly Duplex[];
  /** What the message was: final once the stages have ended, until then as far as it was read. */
  readonly message: () => CwmpMessage;
}

/**
 * The stages that rewrite a body as it streams, in the content coding that is named. Unlike {@link rewriteEncodedMessage}
 * they encode anew even where nothing is replaced. A body that is not valid in its coding ends them with
 * `ERR_CWMP_CONTENT_DECODING` as it does there; what has left by then can only be cut. One that expands beyond the limits ends
 * them with `ERR_CWMP_BODY_TOO_LARGE`.
 */
export function rewriteStages(options: EncodedRewriteOptions): RewriteStages {
  const coding = contentCodingOf(options.contentEncoding);
  if (coding === undefined) {
    checkUnknownCoding(options);
    const { message } = unreadable(new Uint8Array());
    return { stages: [], message: () => message };
  }
  const rewriter = new InformRewriter(options, oneChunk);
  const message = (): CwmpMessage => rewriter.message;
  if (coding === 'identity') return { stages: [rewriter], message };
  let zlibWrapped = true;
  const decoder = new CodingStage({
    create(head) {
      zlibWrapped = hasZlibHeader(head);
      return decoderFor(coding, zlibWrapped);
    },
    headBytes: 2,
    check(bytesIn, bytesOut) {
      const limit = decodedLimit(bytesIn, options);
      if (bytesOut <= limit) return undefined;
      return new CwmpProxyError('ERR_CWMP_BODY_TOO_LARGE', `a ${coding} body expands to more than ${limit} bytes`);
    },
    toError: (cause) => invalidCoding(coding, cause),
    atRest: (bytes) => bytesBehindEnd(coding, bytes),
  });
  const encoder = new CodingStage({ create: () => encoderFor(coding, zlibWrapped), headBytes: 1 });
  return { stages: [decoder, rewriter, encoder], message };
}
