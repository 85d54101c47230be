import { join } from 'node:path';

/** Where this machine says what names stand for. */
export interface NameSources {
  /** Path of the hosts file. */
  hosts: string;
  /** Path of the file with search domains and `ndots`; there is none on Windows. */
  resolvConf: string;
  /** Name servers, with their ports. `undefined`: those that the system names. */
  servers: readonly string[] | undefined;
}

/** Those of this machine. Tests put others in their place. */
export const nameSources: NameSources = {
  hosts:
    process.platform === 'win32'
      ? join(process.env['SystemRoot'] ?? 'C:\\Windows', 'System32', 'drivers', 'etc', 'hosts')
      : '/etc/hosts',
  resolvConf: '/etc/resolv.conf',
  servers: undefined,
};
