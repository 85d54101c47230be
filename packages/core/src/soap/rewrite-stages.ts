import type { Duplex } from 'node:stream';
import * as zlib from 'node:zlib';
import { CwmpProxyError } from '../errors.js';
import { type Coder, CodingStage, oneChunk } from './coding-stage.js';
import {
  brotliOptions,
  bytesBehindEnd,
  checkUnknownCoding,
  contentCodingOf,
  hasZlibHeader,
  invalidCoding,
  unreadable,
  type ContentCoding,
  type EncodedRewriteOptions,
} from './content-coding.js';
import { decodedLimit } from './decoding-limits.js';
import { InformRewriter } from './inform-rewriter.js';
import type { CwmpMessage } from './message.js';

/** The stages that a body streams through. */
export interface RewriteStages {
  /** For `stream.pipeline`, between source and destination; none where the body passes as it comes. */
  readonly stages: readonly Duplex[];
  /** What the message was: final once the stages have ended, until then as far as it was read. */
  readonly message: () => CwmpMessage;
}

function decoderFor(coding: ContentCoding, zlibWrapped: boolean): Coder {
  if (coding === 'gzip') return zlib.createGunzip();
  if (coding === 'br') return zlib.createBrotliDecompress();
  return zlibWrapped ? zlib.createInflate() : zlib.createInflateRaw();
}

function encoderFor(coding: ContentCoding, zlibWrapped: boolean): Coder {
  if (coding === 'gzip') return zlib.createGzip();
  if (coding === 'br') return zlib.createBrotliCompress(brotliOptions);
  return zlibWrapped ? zlib.createDeflate() : zlib.createDeflateRaw();
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
  if (coding === 'identity') {
    const rewriter = new InformRewriter(options, oneChunk);
    return { stages: [rewriter], message: () => rewriter.message };
  }
  const { decoder, rewriter, encoder } = decodingStages(coding, options);
  return { stages: [decoder, rewriter, encoder()], message: () => rewriter.message };
}

/** The stages of a body in a content coding, see {@link rewriteStages}. */
export interface DecodingStages {
  readonly decoder: Duplex;
  readonly rewriter: InformRewriter;
  /** Makes the stage that encodes it anew. */
  readonly encoder: () => Duplex;
}

/** The stages by which a body in a content coding is decoded and rewritten. */
export function decodingStages(coding: ContentCoding, options: EncodedRewriteOptions): DecodingStages {
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
  const encoder = (): Duplex => new CodingStage({ create: () => encoderFor(coding, zlibWrapped), headBytes: 1 });
  return { decoder, rewriter: new InformRewriter(options, oneChunk), encoder };
}
