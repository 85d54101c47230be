import { ladderScript } from './ladder-script.js';

// What a device sends reaches the page as text nodes and attributes only: nothing here parses markup.
const listsScript: string = String.raw`
const byId = (id) => document.getElementById(id);
const wakeRows = new Map(), deviceRows = new Map();
let skew = 0, shownBackends = '';

function node(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  Object.assign(made, properties);
  made.append(...children.filter((child) => child !== undefined && child !== ''));
  return made;
}

function ago(at) {
  const seconds = Math.max(0, Math.round((Date.now() + skew - at) / 1000));
  if (seconds < 2) return 'just now';
  if (seconds < 100) return seconds + ' s ago';
  if (seconds < 6000) return Math.round(seconds / 60) + ' min ago';
  return seconds < 172800 ? Math.round(seconds / 3600) + ' h ago' : Math.round(seconds / 86400) + ' d ago';
}

function time(at) {
  const made = node('time', { textContent: ago(at), title: new Date(at).toLocaleString(), dateTime: new Date(at).toISOString() });
  made.at = at;
  return made;
}

const short = (count) => count < 10000 ? String(count) : count < 1e6 ? (count / 1e3).toFixed(1) + 'k' : (count / 1e6).toFixed(1) + 'M';
const total = (counts) => Object.values(counts).reduce((sum, count) => sum + count, 0);
const toneOfOutcome = (outcome) => ['accepted', 'informed'].includes(outcome) ? 'good' : ['busy', 'no-inform', 'aborted', 'overloaded'].includes(outcome) ? 'warn' : 'bad';
const toneOfState = { up: 'good', ejected: 'bad', draining: 'warn', drained: '' };

function showFigures(stats, rate) {
  byId('open').textContent = short(stats.sessions.open);
  byId('exchanges').textContent = short(stats.exchanges);
  byId('failed').textContent = short(total(stats.failures));
  byId('failed').title = Object.entries(stats.failures).map(([code, count]) => code + ': ' + count).join('\n');
  const wakes = total(stats.wakes), reached = (stats.wakes.accepted ?? 0) + (stats.wakes.informed ?? 0);
  byId('reached').replaceChildren(wakes === 0 ? '–' : short(reached), node('small', { textContent: wakes === 0 ? '' : 'of ' + short(wakes) }));
  const last = rate.slice(-5).reduce((sum, count) => sum + count, 0) / 5;
  byId('rate').textContent = last < 10 ? last.toFixed(1) : Math.round(last);
  const top = Math.max(1, ...rate), step = 240 / (rate.length - 1);
  const points = rate.map((count, index) => (index * step).toFixed(1) + ' ' + (46 - (count / top) * 42).toFixed(1));
  byId('line').setAttribute('d', 'M' + points.join('L'));
  byId('area').setAttribute('d', 'M0 48L' + points.join('L') + 'L240 48Z');
  byId('since').textContent = 'Counted since ' + new Date(stats.since).toLocaleString() + '. Wakes and devices since this page was mounted.';
}

function showBackends(backends) {
  const text = JSON.stringify(backends);
  if (text === shownBackends) return;
  shownBackends = text;
  const most = Math.max(1, ...backends.map(({ sessions }) => sessions));
  byId('backends').replaceChildren(...backends.map(({ url, state, since, sessions, inFlight, failures, weight }) => {
    const fact = (count, what) => node('span', {}, node('b', { textContent: count }), ' ' + what);
    return node('article', { className: 'backend' },
      node('div', { className: 'row' }, node('span', { className: 'name', textContent: url }),
        node('span', { className: 'pill ' + toneOfState[state], textContent: state, title: 'since ' + new Date(since).toLocaleString() })),
      node('progress', { className: 'bar', max: most, value: sessions, ariaLabel: 'sessions' }),
      node('div', { className: 'facts' }, fact(sessions, 'sessions'), fact(inFlight, 'in flight'),
        failures > 0 ? fact(failures, 'failures in a row') : '', weight === 1 ? '' : fact(weight, 'weight')));
  }));
  if (backends.length === 0) byId('backends').append(node('p', { className: 'empty', textContent: 'None: the proxy rewrites for the ACS in its own process.' }));
}

function addWake(wake) {
  byId('no-wakes').hidden = true;
  const made = node('details', { className: 'wake fresh', open: true },
    node('summary', {}, node('div', { className: 'row' },
        node('span', { className: 'pill ' + toneOfOutcome(wake.outcome), textContent: wake.outcome }), time(wake.at)),
      node('span', { className: 'name', textContent: wake.origin }),
      node('div', { className: 'row' }, node('span', { textContent: [wake.scheme, ms(wake.ms)].filter(Boolean).join(', ') }))),
    ladder(wake));
  byId('wakes').prepend(made);
  wakeRows.set(wake.number, made);
  const all = [...wakeRows];
  // The last six stand open; one that was opened or closed by hand stays so.
  const sixth = all.at(-7)?.[1];
  if (sixth !== undefined) sixth.open = false;
  if (all.length > 40) { all[0][1].remove(); wakeRows.delete(all[0][0]); }
}

function addInform(inform) {
  byId('no-informs').hidden = true;
  byId('informs').hidden = false;
  deviceRows.get(inform.key)?.remove();
  const cell = (...children) => node('td', {}, ...children);
  const row = node('tr', { className: 'fresh' },
    cell(node('strong', { textContent: inform.device || 'no DeviceId' }), node('span', { className: 'model', textContent: inform.model })),
    cell(...inform.events.map((event) => node('span', { className: event.startsWith('6 ') ? 'event wake-up' : 'event', textContent: event }))),
    cell(node('span', { className: 'mono', textContent: inform.url })),
    cell(node('span', { className: 'mono', textContent: inform.backend || 'own process' })),
    cell(node('span', { className: 'mono', textContent: inform.session })),
    cell(time(inform.at)));
  byId('informs').tBodies[0].prepend(row);
  deviceRows.delete(inform.key);
  deviceRows.set(inform.key, row);
  if (deviceRows.size > 100) { const [key, oldest] = deviceRows.entries().next().value; oldest.remove(); deviceRows.delete(key); }
}

function live(state, text) {
  byId('live').dataset.state = state;
  byId('live').textContent = text;
}

const seen = { wake: 0, inform: 0 };
const source = new EventSource('?events');
source.onopen = () => live('live', 'live');
source.onerror = () => live('lost', 'connection lost, trying again');
source.onmessage = ({ data }) => {
  const { stats, rate, wakes, informs, now } = JSON.parse(data);
  skew = now - Date.now();
  // After a restart of the process its numbers begin anew.
  if (stats.since !== seen.since) Object.assign(seen, { since: stats.since, wake: 0, inform: 0 });
  showFigures(stats, rate);
  showBackends(stats.backends);
  for (const wake of wakes) if (wake.number > seen.wake) { seen.wake = wake.number; addWake(wake); }
  for (const inform of informs) if (inform.number > seen.inform) { seen.inform = inform.number; addInform(inform); }
};
setInterval(() => { for (const one of document.querySelectorAll('time')) one.textContent = ago(one.at); }, 1000);
`;

/** The script of the status page. */
export const pageScript: string = `'use strict';\n${ladderScript}${listsScript}`;
