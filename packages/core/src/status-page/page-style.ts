/** The style of the status page. */
export const pageStyle: string = `
:root {
  color-scheme: light dark;
  --ground: #f5f6f8; --card: #fff; --ink: #16202c; --soft: #5c6875; --line: #dde2e8; --track: #e9edf1;
  --accent: #0b66c3; --good: #14794a; --good-ground: #dff3e8; --warn: #8a5a00; --warn-ground: #fcefd2;
  --bad: #b3261e; --bad-ground: #fbe3e1; --shadow: 0 1px 2px rgb(20 30 45 / 7%), 0 3px 10px rgb(20 30 45 / 4%);
  --mono: ui-monospace, "SF Mono", "Cascadia Code", "DejaVu Sans Mono", Menlo, Consolas, monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #10151c; --card: #182029; --ink: #e6ebf1; --soft: #98a5b3; --line: #2a3542; --track: #243040;
    --accent: #66b1ff; --good: #5fd39a; --good-ground: #123425; --warn: #f2bd5a; --warn-ground: #3a2c0d;
    --bad: #ff8f86; --bad-ground: #431c1a; --shadow: none;
  }
}
* { box-sizing: border-box; margin: 0; }
body { background: var(--ground); color: var(--ink); font: 15px/1.45 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
header, main, footer { max-width: 1180px; margin: 0 auto; padding: 0 20px; }
header { display: flex; align-items: center; justify-content: space-between; gap: 12px; padding-top: 22px; padding-bottom: 18px; }
h1 { font-size: 20px; letter-spacing: -.01em; }
h2 { font-size: 13px; font-weight: 650; color: var(--soft); margin: 30px 0 10px; }
#live { display: inline-flex; align-items: center; gap: 8px; font-size: 13px; color: var(--soft); }
#live::before { content: ""; width: 9px; height: 9px; border-radius: 50%; background: var(--warn); }
#live[data-state="live"]::before { background: var(--good); box-shadow: 0 0 0 4px var(--good-ground); }
#live[data-state="lost"]::before { background: var(--bad); box-shadow: 0 0 0 4px var(--bad-ground); }
.figures { display: grid; grid-template-columns: 1fr 2.4fr 1fr 1fr 1fr; gap: 12px; }
.figure, .backend, .wake, #informs { background: var(--card); border: 1px solid var(--line); border-radius: 10px; box-shadow: var(--shadow); }
.figure { position: relative; padding: 12px 14px 10px; min-height: 92px; overflow: hidden; display: flex; flex-direction: column; justify-content: space-between; }
.label { font-size: 12px; color: var(--soft); line-height: 1.3; }
output { font-size: 28px; font-weight: 620; letter-spacing: -.02em; font-variant-numeric: tabular-nums; line-height: 1.1; }
output small { font-size: 14px; font-weight: 500; color: var(--soft); letter-spacing: 0; margin-left: 4px; }
.wide svg { position: absolute; right: 0; bottom: 0; width: 68%; height: 58px; }
#line { fill: none; stroke: var(--accent); stroke-width: 1.6; vector-effect: non-scaling-stroke; stroke-linejoin: round; }
#area { fill: var(--accent); opacity: .13; }
#backends { display: grid; grid-template-columns: repeat(auto-fill, minmax(300px, 1fr)); gap: 12px; }
.backend { padding: 13px 15px; }
.row { display: flex; align-items: center; justify-content: space-between; gap: 10px; }
.name, .mono { font-family: var(--mono); font-size: 13px; overflow-wrap: anywhere; }
.pill { flex: none; font-size: 12px; font-weight: 600; padding: 2px 9px; border-radius: 99px; background: var(--track); color: var(--soft); }
.pill.good { background: var(--good-ground); color: var(--good); }
.pill.warn { background: var(--warn-ground); color: var(--warn); }
.pill.bad { background: var(--bad-ground); color: var(--bad); }
.bar { display: block; width: 100%; height: 6px; margin: 12px 0 9px; border: 0; border-radius: 99px; background: var(--track); overflow: hidden; appearance: none; }
.bar::-webkit-progress-bar { background: var(--track); }
.bar::-webkit-progress-value { background: var(--accent); border-radius: 99px; }
.bar::-moz-progress-bar { background: var(--accent); border-radius: 99px; }
.facts { display: flex; flex-wrap: wrap; gap: 2px 16px; font-size: 13px; color: var(--soft); font-variant-numeric: tabular-nums; }
.facts b { color: var(--ink); font-weight: 600; }
#wakes { display: grid; grid-template-columns: repeat(auto-fill, minmax(350px, 1fr)); gap: 12px; align-items: start; }
.wake { padding: 0; overflow: hidden; }
.wake summary { list-style: none; cursor: pointer; padding: 12px 15px; display: grid; gap: 3px; }
.wake summary::-webkit-details-marker { display: none; }
.wake summary:focus-visible { outline: 2px solid var(--accent); outline-offset: -2px; border-radius: 10px; }
.wake .row { font-size: 13px; color: var(--soft); }
.wake svg { display: block; width: 100%; padding: 0 8px 10px; }
.rail { stroke: var(--line); stroke-width: 1.5; }
.head { font: 600 12px system-ui, sans-serif; fill: var(--soft); }
.leg line, .leg path { stroke: var(--accent); stroke-width: 1.5; fill: none; }
.leg .tip { fill: var(--accent); stroke: none; }
.leg text { font: 12px var(--mono); fill: var(--ink); }
.leg .ms { fill: var(--soft); font-size: 11px; }
.leg.quiet line { stroke: var(--soft); stroke-dasharray: 3 3; }
.leg.quiet .tip { fill: var(--soft); }
.leg.quiet text { fill: var(--soft); }
.leg.good line { stroke: var(--good); } .leg.good .tip { fill: var(--good); } .leg.good .what { fill: var(--good); }
.leg.warn line { stroke: var(--warn); } .leg.warn .tip { fill: var(--warn); } .leg.warn .what { fill: var(--warn); }
.leg.bad line, .leg.bad path { stroke: var(--bad); } .leg.bad .tip { fill: var(--bad); } .leg.bad .what { fill: var(--bad); }
#informs { width: 100%; border-collapse: separate; border-spacing: 0; font-size: 13px; overflow: hidden; }
#informs th { text-align: left; font-size: 12px; font-weight: 550; color: var(--soft); padding: 10px 14px 8px; }
#informs td { padding: 9px 14px; border-top: 1px solid var(--line); vertical-align: top; }
#informs td:last-child { white-space: nowrap; color: var(--soft); font-variant-numeric: tabular-nums; }
#informs strong { display: block; font-weight: 600; overflow-wrap: anywhere; }
#informs .model { color: var(--soft); overflow-wrap: anywhere; }
.event { display: block; white-space: nowrap; }
.event.wake-up { color: var(--good); font-weight: 600; }
.fresh { animation: fresh 2.4s ease-out; }
@keyframes fresh { from { background: var(--good-ground); } }
@media (prefers-reduced-motion: reduce) { .fresh { animation: none; } }
.empty { color: var(--soft); padding: 18px; border: 1px dashed var(--line); border-radius: 10px; }
footer { color: var(--soft); font-size: 12px; padding-top: 22px; padding-bottom: 30px; }
@media (max-width: 900px) { .figures { grid-template-columns: 1fr 1fr; } .figure.wide { grid-column: 1 / -1; order: -1; } }
@media (max-width: 700px) {
  header, main, footer { padding-left: 14px; padding-right: 14px; }
  #backends, #wakes { grid-template-columns: 1fr; }
  #informs { background: none; border: 0; box-shadow: none; }
  #informs thead { display: none; }
  #informs tr { display: grid; grid-template-columns: 1fr auto; gap: 4px 12px; background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 12px 14px; margin-bottom: 10px; }
  #informs td { border: 0; padding: 0; min-width: 0; }
  #informs td:nth-child(1) { grid-area: 1 / 1; } #informs td:last-child { grid-area: 1 / 2; }
  #informs td:nth-child(2), #informs td:nth-child(3) { grid-column: 1 / -1; }
}
`;
