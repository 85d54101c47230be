// CPEs that are switched off: a listener on every loopback address that takes in no connection, behind whose full backlog the kernel
// drops each further SYN. Started as a child process; tells its port, then its thread sleeps until it is killed, half an hour at most.
import { createServer } from 'node:net';

const server = createServer();
server.listen({ host: '0.0.0.0', port: 0, backlog: 1 }, () => {
  const address = server.address();
  process.send?.({ port: typeof address === 'object' ? address?.port : undefined }, () => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_800_000);
    process.exit();
  });
});
