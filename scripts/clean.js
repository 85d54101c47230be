// Removes what the compiler wrote: compiled tests whose source is gone would still run.
import { rmSync } from 'node:fs';

for (const folder of ['build', 'packages/core/dist', 'packages/express/dist', 'packages/koa/dist']) {
  rmSync(new URL(`../${folder}`, import.meta.url), { recursive: true, force: true });
}
