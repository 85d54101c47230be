import type { Random } from './random.js';

const tokens = [
  '<',
  '>',
  '&',
  '&#',
  ';',
  '"',
  "'",
  '</',
  '/>',
  '<!--',
  '-->',
  '<![CDATA[',
  ']]>',
  '<?',
  '?>',
  '<!',
  '\0',
  '\r',
  '=',
  '<Value>',
  '</Value>',
  '<Name>',
  '<ParameterValueStruct>',
  '</ParameterValueStruct>',
  'Device.ManagementServer.ConnectionRequestURL',
  'http://192.0.2.66/',
  '<Inform>',
  '<Body>',
  '</Body>',
  '\u00e9',
] as const;

function cut(random: Random, bytes: Buffer): [number, number] {
  const from = random.int(bytes.length + 1);
  return [from, Math.min(from + random.int(random.once(4) ? bytes.length + 1 : 24), bytes.length)];
}

/** A message with up to four faults: bytes flipped, cut out, put in, repeated, or taken from another message. */
export function mutate(random: Random, bytes: Buffer, other: Buffer): Buffer {
  let mutated = Buffer.from(bytes);
  for (let count = 1 + random.int(4); count > 0; count -= 1) {
    const [from, to] = cut(random, mutated);
    const [before, after] = [mutated.subarray(0, from), mutated.subarray(from)];
    switch (random.int(7)) {
      case 0:
        if (from < mutated.length) mutated[from] = random.int(256);
        break;
      case 1:
        mutated = Buffer.concat([before, mutated.subarray(to)]);
        break;
      case 2:
        mutated = Buffer.concat([before, Buffer.from(random.pick(tokens), 'latin1'), after]);
        break;
      case 3:
        mutated = Buffer.concat([mutated.subarray(0, to), mutated.subarray(from, to), mutated.subarray(to)]);
        break;
      case 4: {
        const [otherFrom, otherTo] = cut(random, other);
        mutated = Buffer.concat([before, other.subarray(otherFrom, otherTo), after]);
        break;
      }
      case 5:
        if (from < mutated.length) mutated[from] = (mutated[from] ?? 0) ^ (1 << random.int(8));
        break;
      default:
        if (random.once(4)) mutated = Buffer.from(before);
    }
  }
  return mutated.subarray(0, 20_000);
}
