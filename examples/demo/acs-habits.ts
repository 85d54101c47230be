import type { OutgoingHttpHeaders } from 'node:http';

/** What tells one ACS from another on the wire: how it knows a session again, and the shape of its answers. */
export interface AcsHabits {
  /** The real program that behaves like this. */
  readonly like: string;
  /**
   * By what a POST is known to belong to a session: by its TCP `connection`, by its `cookie`, or by `both`, where the
   * cookie counts on another connection only once the session's own has closed.
   */
  readonly knowsBy: 'connection' | 'cookie' | 'both';
  /** The Set-Cookie value for a session. */
  readonly cookie: (id: string) => string;
  /** Send the cookie with each answer, not only with the first. */
  readonly repeatsCookie: boolean;
  /** Write the head of an answer and its body in two segments. */
  readonly splitsAnswers: boolean;
  /** The reason phrase of its 204. */
  readonly reason: string;
  /** Fields of the 204 that ends a session. */
  readonly lastHeaders: OutgoingHttpHeaders;
}

/** Sessions in the memory of one process, known by the TCP connection and a cookie. */
const genieacs: AcsHabits = {
  like: 'GenieACS',
  knowsBy: 'both',
  cookie: (id) => `session=${id}`,
  repeatsCookie: false,
  splitsAnswers: false,
  reason: 'No Content',
  lastHeaders: { 'Content-Length': 0, Connection: 'close' },
};

/** Nothing but the TCP connection counts; the cookie is for show. */
const perlCwmp: AcsHabits = {
  like: 'perl-cwmp',
  knowsBy: 'connection',
  cookie: (id) => `ID=${id}; path=/`,
  repeatsCookie: true,
  splitsAnswers: true,
  reason: 'OK',
  lastHeaders: {},
};

/** A cookie that only the process that gave it knows. */
const caretaker: AcsHabits = {
  like: 'caretaker',
  knowsBy: 'cookie',
  cookie: (id) => `sid=${id}; Path=/; HttpOnly`,
  repeatsCookie: false,
  splitsAnswers: false,
  reason: 'No Content',
  lastHeaders: {},
};

/** The name of a backend. */
export type AcsName = 'ACS-1' | 'ACS-2' | 'ACS-3';

/** Each backend's habits. Every one of them loses a session that is spread over several backends. */
export const acsHabits: Readonly<Record<AcsName, AcsHabits>> = {
  'ACS-1': genieacs,
  'ACS-2': perlCwmp,
  'ACS-3': caretaker,
};
