import { endlessBodies } from '../../helpers/endless-bodies.js';
import { runLongBody } from '../../helpers/memory-run.js';

// Resident memory while 1 GB of each kind streams through: `npm run bench:rewrite:memory -- [megabytes]`. Bar: below 32 MB.

const megabyte = 1024 * 1024;
const megabytes = Number(process.argv[2] ?? 1024);
for (const body of endlessBodies) await runLongBody(body, 16 * megabyte);
for (const body of endlessBodies) {
  const started = process.cpuUsage();
  const { growth, bytesIn, message } = await runLongBody(body, megabytes * megabyte);
  const { user, system } = process.cpuUsage(started);
  const speed = bytesIn / (user + system);
  const figures = `${(growth / megabyte).toFixed(1).padStart(6)} MB ${speed.toFixed(0).padStart(6)} MB/s`;
  process.stdout.write(`${body.name.padEnd(34)}${figures}  ${message.outcome} ${message.reason ?? ''}\n`);
}
