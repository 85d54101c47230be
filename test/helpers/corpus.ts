import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A message of the corpus beside the repository, with what its index says. */
export interface CorpusMessage {
  name: string;
  bytes: Buffer;
  method: string;
  /** The URL as it stands in the XML, and decoded; undefined where the message carries none. */
  raw: string | undefined;
  url: string | undefined;
  malformed: boolean;
}

const folder = join(import.meta.dirname, '../../../../shared/corpus');

/** The messages of `../shared/corpus`, or a reason to skip: they are read in place and never copied. */
export function readCorpus(): { messages: CorpusMessage[]; skip: string | false } {
  if (!existsSync(join(folder, 'INDEX.tsv'))) {
    return { messages: [], skip: `SKIPPED: no corpus at ${folder}; the tests on real messages did not run` };
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
