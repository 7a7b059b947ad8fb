// SDKs of other languages, each behind a program that evaluates cases (see ../python/evaluate.py, ../java/Evaluate.java).

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { isDeepStrictEqual } from 'node:util';

/** Where an SDK itself answers something else than the specification: {sdk, suite, case, instead, reason}. */
const exceptions = JSON.parse(readFileSync(new URL('./elsewhere.json', import.meta.url), 'utf8'));

export class Elsewhere {
  /** Starts the program of an SDK: {name, command: [program, argument...]}. */
  constructor({ name, command }, { url, token, deadlineMs }) {
    this.name = name;
    this.deadlineMs = deadlineMs;
    const env = { ...process.env, UNLEASH_URL: url, UNLEASH_API_TOKEN: token };
    this.process = spawn(command[0], command.slice(1), { env, stdio: ['pipe', 'pipe', 'inherit'] });
    this.lines = createInterface({ input: this.process.stdout })[Symbol.asyncIterator]();
  }

  /** What a case must evaluate to in this SDK, where its own list has another word than `expected`. */
  resultOf(suiteName, { description }, expected) {
    const item = exceptions.find((each) => each.sdk === this.name && each.suite === suiteName && each.case === description);
    return item ? item.instead : expected;
  }

  async #ask(fresh, cases) {
    this.process.stdin.write(`${JSON.stringify({ fresh, cases })}\n`);
    const { value, done } = await this.lines.next();
    if (done) throw new Error(`the program of ${this.name} ended`);
    return JSON.parse(value);
  }

  /** What a client that starts now and polls evaluates the cases to. */
  fetched(cases) {
    return this.#ask(true, cases);
  }

  /** What the client that streams evaluates the cases to: once that is `wanted`, or at the deadline. */
  async pushed(cases, wanted) {
    const deadline = Date.now() + this.deadlineMs;
    for (;;) {
      const results = await this.#ask(false, cases);
      if (isDeepStrictEqual(results, wanted) || Date.now() > deadline) return results;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** Ends the program. */
  async stop() {
    this.process.stdin.end();
    if (this.process.exitCode === null) await once(this.process, 'exit');
  }
}
