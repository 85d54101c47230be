import { type CpeDouble, ok } from './conversation.js';

/** A CPE that answers each request when it is told to. */
export function held(): CpeDouble & { release(answer: string): void; readonly asked: Promise<void> } {
  let release: (text: string) => void = () => undefined;
  let ask = (): void => undefined;
  const answer = new Promise<string>((resolve) => {
    release = resolve;
  });
  const asked = new Promise<void>((resolve) => {
    ask = resolve;
  });
  return {
    name: 'held',
    path: '/held',
    release: (text) => release(text),
    asked,
    async serve(talk, cpe) {
      for (let head = await talk.head(); head !== undefined; head = await talk.head()) {
        cpe.requests.push(head);
        ask();
        talk.write(await answer);
      }
    },
  };
}

/** A CPE with these answers in turn, the last one for ever. */
export const script = (...answers: readonly string[]): CpeDouble => ({
  name: 'script',
  path: '/',
  async serve(talk, cpe) {
    for (let head = await talk.head(); head !== undefined; head = await talk.head()) {
      talk.write(answers[Math.min(cpe.requests.push(head), answers.length) - 1] ?? ok);
    }
  },
});
