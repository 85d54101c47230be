import type { OutgoingHttpHeaders } from 'node:http';
import type { DigestHabits } from './digest.js';

/** What an Inform tells, whoever writes it. */
interface InformFacts {
  readonly events: readonly string[];
  readonly url: string;
  readonly id: string;
  readonly time: Date;
}

/** What a GetParameterValuesResponse tells: the parameters asked for that the CPE has. */
interface ValuesFacts {
  /** The ID of the ACS's request, which the answer echoes. */
  readonly id: string;
  readonly values: readonly Parameter[];
}

export interface Parameter {
  readonly name: string;
  readonly value: string;
}

/**
 * One kind of CPE: the text of its messages and its habits on the wire, modelled on real devices. Each file in `vendors/`
 * is one.
 */
export interface CpeModel {
  readonly name: string;
  /** What is peculiar about it, in a few words. */
  readonly quirks: string;
  readonly serialNumber: string;
  /** The root of its data model: `InternetGatewayDevice.` is TR-098, `Device.` is TR-181. */
  readonly root: 'InternetGatewayDevice.' | 'Device.';
  readonly softwareVersion: string;

  writeInform(facts: InformFacts): string;
  writeValues(facts: ValuesFacts): string;

  /** As a client of the ACS. */
  readonly client: {
    /** Fields of each POST with a body. */
    readonly headers: OutgoingHttpHeaders;
    /** Fields of the empty POST; TR-069 wants none. */
    readonly emptyPostHeaders?: OutgoingHttpHeaders;
    /** Send bodies in chunks, without a Content-Length. */
    readonly chunked?: boolean;
    /** Open a TCP connection and close it again before the session. */
    readonly probes?: boolean;
    /** Send the last session's cookies with the next Inform. */
    readonly keepsCookies?: boolean;
  };

  /** As the server of connection requests. */
  readonly server: {
    readonly path: string;
    /** Listen on ::1, where the machine has it. */
    readonly ipv6?: boolean;
    readonly realm: string;
    readonly digest?: DigestHabits;
    /**
     * What becomes of a 401: `keeps` the connection, `closes` it, sends it `chunked`, or closes it after an
     * `extra-line` that belongs to nothing (easycwmp).
     */
    readonly challenge: 'keeps' | 'closes' | 'chunked' | 'extra-line';
  };
}
