import type { PeerResult } from '../alternate.js';
import { megabytes, short } from './render.js';
import type { Section } from './section.js';

/** Above this share of its core, a load or backend may be what limits the throughput. */
const saturated = 0.9;

/** The table of a workload that compares peers, the cheapest first. */
export function comparison(
  title: string,
  intro: string,
  results: readonly PeerResult[],
  { yardstick, sessions }: { yardstick: string; sessions: boolean },
): Section {
  const unit = results.find(({ peer }) => peer.name === yardstick)?.microsPerMessage ?? Number.NaN;
  const sorted = [...results].sort((a, b) => a.microsPerMessage - b.microsPerMessage);
  return {
    title,
    intro,
    columns: [
      'proxy',
      'CPU µs/message',
      ...(sessions ? ['CPU µs/session'] : []),
      'against yardstick',
      'messages/s',
      'p50 ms',
      'p99 ms',
      'peak RSS',
      'backend connections/1000',
    ],
    rows: sorted.map((result) => [
      result.peer.title,
      short(result.microsPerMessage),
      ...(sessions ? [short(result.microsPerSession)] : []),
      short(result.microsPerMessage / unit),
      short(result.messagesPerSecond),
      short(result.p50),
      short(result.p99),
      megabytes(result.peakBytes),
      short(result.backendConnections),
    ]),
    notes: [...notesOnPeers(results), ...saturation(results)],
  };
}

function notesOnPeers(results: readonly PeerResult[]): string[] {
  return results.flatMap(({ peer }) => (peer.note === undefined ? [] : [`${peer.title}: ${peer.note}.`]));
}

/** Says where the load or the backend was the bottleneck: there the throughput is theirs, the CPU times stand. */
function saturation(results: readonly PeerResult[]): string[] {
  const notes: string[] = [];
  for (const { peer, loadBusy, backendBusy, proxyBusy, faults } of results) {
    if (loadBusy > saturated && proxyBusy < saturated) {
      notes.push(
        `${peer.title}: limited by the load generator and the backend (${short(loadBusy * 100)} % of their core, the backend ` +
          `${short(backendBusy * 100)} %, the proxy ${short(proxyBusy * 100)} % of its own): read its CPU time, not its throughput.`,
      );
    }
    if (faults > 0) notes.push(`${peer.title}: **${faults} exchanges failed**.`);
  }
  if (notes.length === 0) {
    const most = Math.max(...results.map(({ loadBusy }) => loadBusy));
    notes.push(`The load generator and the backend took at most ${short(most * 100)} % of their core: no bottleneck.`);
  }
  return notes;
}
