/** Draws the legs of a wake between the proxy and the CPE, as an SVG. */
export const ladderScript: string = String.raw`
const svgSpace = 'http://www.w3.org/2000/svg';
const left = 64, right = 348, width = 380, legHeight = 34;

function shape(tag, attributes = {}, ...children) {
  const made = document.createElementNS(svgSpace, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

const ms = (time) => time < 10 ? time.toFixed(1) + ' ms' : time < 10000 ? Math.round(time) + ' ms' : (time / 1000).toFixed(1) + ' s';

function arrow(y, toRight) {
  const [from, to] = toRight ? [left, right] : [right, left];
  const back = toRight ? to - 8 : to + 8;
  return [shape('line', { x1: from, y1: y, x2: to, y2: y }),
    shape('path', { class: 'tip', d: 'M' + to + ' ' + y + 'L' + back + ' ' + (y - 4) + 'L' + back + ' ' + (y + 4) + 'Z' })];
}

function cross(x, y) {
  return shape('path', { d: 'M' + (x - 5) + ' ' + (y - 5) + 'l10 10m0 -10l-10 10' });
}

function label(x, y, text, kind, anchor) {
  const made = shape('text', { x, y, class: kind, 'text-anchor': anchor });
  made.textContent = text;
  return made;
}

const middle = (left + right) / 2;

function statusTone(status) {
  return status === 200 || status === 204 ? 'good' : status === 401 ? '' : status === 503 ? 'warn' : 'bad';
}

/** One leg as one or two rows: what went out, and what came back. */
function rowsOf(leg, wake) {
  const took = ms(leg.ms);
  const failed = leg.error === undefined ? undefined : { tone: 'bad', text: leg.error, ms: took, broken: true };
  if (leg.what === 'request' || leg.what === 'answer') {
    const text = leg.what === 'request' ? 'GET' : 'GET + ' + (wake.scheme || 'credentials');
    if (failed) return [{ ...failed, toRight: true, text: text + ': ' + leg.error }];
    const status = leg.status === undefined ? 'answer' : String(leg.status);
    return [{ text, toRight: true, tone: '' }, { text: status, toRight: false, tone: leg.what === 'answer' && leg.status === 401 ? 'bad' : statusTone(leg.status), ms: took }];
  }
  if (leg.what === 'connect') return [failed ? { ...failed, toRight: true, text: 'connect: ' + leg.error } : { text: 'connect', toRight: true, tone: 'quiet', ms: took }];
  if (leg.what === 'inform') return [failed ? { ...failed, toRight: false, text: 'no Inform: ' + leg.error } : { text: 'Inform 6 CONNECTION REQUEST', toRight: false, tone: 'good', ms: took }];
  return [{ text: failed ? leg.what + ': ' + leg.error : leg.what, tone: failed ? 'bad' : 'quiet', ms: took, own: true }];
}

function ladder(wake) {
  const rows = wake.legs.flatMap((leg) => rowsOf(leg, wake));
  const height = 30 + Math.max(1, rows.length) * legHeight;
  const drawing = shape('svg', { viewBox: '0 0 ' + width + ' ' + height, role: 'img' });
  const title = shape('title');
  title.textContent = 'Ladder of the wake: ' + rows.map(({ text }) => text).join(', ');
  drawing.append(title, label(left, 14, 'proxy', 'head', 'middle'), label(right, 14, 'CPE', 'head', 'middle'),
    shape('line', { class: 'rail', x1: left, y1: 22, x2: left, y2: height - 4 }),
    shape('line', { class: 'rail', x1: right, y1: 22, x2: right, y2: height - 4 }));
  rows.forEach((row, index) => {
    const y = 52 + index * legHeight;
    const group = shape('g', { class: 'leg ' + row.tone });
    if (row.own) {
      group.append(shape('path', { class: 'tip', d: 'M' + (left - 4) + ' ' + (y - 5) + 'l8 0 0 8 -8 0Z' }), label(left + 14, y + 3, row.text, 'what', 'start'));
    } else if (row.broken) {
      const end = row.toRight ? middle + 40 : middle - 40;
      group.append(shape('line', { x1: row.toRight ? left : right, y1: y, x2: end, y2: y }), cross(end, y),
        label(row.toRight ? left + 10 : right - 10, y - 7, row.text, 'what', row.toRight ? 'start' : 'end'));
    } else {
      group.append(...arrow(y, row.toRight), label(middle, y - 7, row.text, 'what', 'middle'));
    }
    if (row.ms !== undefined) group.append(label(left - 8, y + 4, row.ms, 'ms', 'end'));
    drawing.append(group);
  });
  return drawing;
}
`;
