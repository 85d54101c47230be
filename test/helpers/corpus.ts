import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A real message, with what the index of its folder says. */
export interface CorpusMessage {
  name: string;
  bytes: Buffer;
  method: string;
  /** The URL as it stands in the XML, and decoded; undefined where the message carries none. */
  raw: string | undefined;
  url: string | undefined;
  malformed: boolean;
}

/**
 * The messages of the folder that `CWMP_CORPUS` names, or why tests on them are skipped. They are read in place and never copied.
 * A folder that is named and has no `INDEX.tsv` is an error.
 */
export function readCorpus(): { messages: CorpusMessage[]; skip: string | false } {
  const folder = process.env['CWMP_CORPUS'];
  if (folder === undefined || folder === '') {
    return { messages: [], skip: 'NO TEST ON REAL MESSAGES: set CWMP_CORPUS to their folder' };
  }
  const rows = readFileSync(join(folder, 'INDEX.tsv'), 'utf8').trimEnd().split('\n').slice(1);
  const messages = rows.map((row) => {
    const [name = '', , , , method = '', has = '', raw = '', quirks = '', url = ''] = row.split('\t');
    const carries = has.startsWith('y') && url !== '';
    return {
      name,
      bytes: readFileSync(join(folder, name)),
      method,
      raw: carries ? raw : undefined,
      url: carries ? url : undefined,
      malformed: quirks.includes('not well-formed') || name.includes('-CUT'),
    };
  });
  return { messages, skip: false };
}
