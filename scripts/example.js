// Runs an example: npm run example embedded-acs
import { existsSync } from 'node:fs';

const file = new URL(`../build/examples/${process.argv[2]}.js`, import.meta.url);
if (process.argv[2] === undefined || !existsSync(file)) {
  console.error(
    'Usage: npm run example embedded-acs | cluster | prometheus/gateway | express-gateway | koa-gateway | http-gateway',
  );
  process.exitCode = 2;
} else {
  await import(file.href);
}
