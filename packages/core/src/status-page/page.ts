import { createHash } from 'node:crypto';
import { pageScript } from './page-script.js';
import { pageStyle } from './page-style.js';

/** The whole page: no other resource is asked for, and nothing of a device is ever in it. */
export const pageHtml: string = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>cwmp-proxy</title>
<style>${pageStyle}</style>
</head>
<body>
<header>
  <h1>cwmp-proxy</h1>
  <p id="live" role="status">connecting</p>
</header>
<main>
  <section class="figures" aria-label="Figures">
    <div class="figure"><span class="label">Open sessions</span><output id="open">–</output></div>
    <div class="figure wide"><span class="label">Sessions per second, last two minutes</span><output id="rate">–</output>
      <svg id="spark" viewBox="0 0 240 48" preserveAspectRatio="none" role="img" aria-label="Sessions per second"><path id="area"/><path id="line"/></svg></div>
    <div class="figure"><span class="label">Exchanges</span><output id="exchanges">–</output></div>
    <div class="figure"><span class="label">Wakes that reached their CPE</span><output id="reached">–</output></div>
    <div class="figure"><span class="label">Failed exchanges</span><output id="failed">–</output></div>
  </section>
  <section aria-labelledby="backends-title"><h2 id="backends-title">Backends</h2><div id="backends"></div></section>
  <section aria-labelledby="wakes-title"><h2 id="wakes-title">Wakes</h2>
    <p class="empty" id="no-wakes">None yet. Each wake appears here leg by leg as soon as it ends.</p><div id="wakes"></div></section>
  <section aria-labelledby="informs-title"><h2 id="informs-title">Devices</h2>
    <p class="empty" id="no-informs">No Inform yet.</p>
    <table id="informs" hidden><thead><tr><th>Device</th><th>Events</th><th>ConnectionRequestURL</th><th>Backend</th><th>Session</th><th>Informed</th></tr></thead><tbody></tbody></table></section>
</main>
<footer id="since"></footer>
<script>${pageScript}</script>
</body>
</html>
`;

function hashOf(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}

/** Nothing but this page's own style and script, and the events of its own origin. */
export const contentSecurityPolicy: string = [
  "default-src 'none'",
  `style-src ${hashOf(pageStyle)}`,
  `script-src ${hashOf(pageScript)}`,
  "connect-src 'self'",
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');
