// The conversation with whoever started the script. Standard output carries lines of two kinds:
// a JSON object (for a program) or plain text (for a person). Standard input carries the answers
// to questions, one JSON object a line, so that a test can restart the server or shed streams
// exactly when a scenario wants it.

import { createInterface } from 'node:readline';

/** Prints a line for a person. */
export const say = (text) => process.stdout.write(`${text}\n`);

const send = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

let failures = 0;

/** Reports one fact; `detail` says what was seen where it does not hold. Answers whether it holds. */
export function check(name, ok, detail = undefined) {
  if (!ok) failures += 1;
  send({ check: name, ok: Boolean(ok), detail: ok ? undefined : detail });
  return Boolean(ok);
}

/** Ends the script with its result, and a status that says whether every check held. */
export function finish(result) {
  send({ result });
  answers?.close();
  process.exitCode = failures === 0 ? 0 : 1;
}

let answers;
const waiting = [];

/**
 * Asks the starter to do something to the server (`restart`, `stop`, `shed`, ...) and waits until
 * it is done. Resolves to the answer's value; rejects when the starter could not do it.
 */
export function ask(question, details = {}) {
  if (!answers) {
    answers = createInterface({ input: process.stdin });
    answers.on('line', (line) => {
      const { error, value } = JSON.parse(line);
      const { resolve, reject } = waiting.shift();
      if (error) reject(new Error(error));
      else resolve(value);
    });
    answers.on('close', () => {
      for (const { reject } of waiting.splice(0)) reject(new Error('nobody answers questions here'));
    });
  }
  return new Promise((resolve, reject) => {
    waiting.push({ resolve, reject });
    send({ ask: question, ...details });
  });
}
