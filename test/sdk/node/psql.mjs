// A flag changed by SQL, with no Admin API in between: by one long-lived `psql`, the way a person
// would do it, or by whoever started the script.

import { spawn } from 'node:child_process';
import { ask } from './console.mjs';

/** How a flag is switched in each target's schema, with psql variables for the values. */
export const toggleStatements = {
  pennon: `UPDATE feature_environments SET enabled = :'enabled' WHERE feature = :'feature' AND environment = :'environment'`,
  unleash: `UPDATE feature_environments SET enabled = :'enabled' WHERE feature_name = :'feature' AND environment = :'environment'`,
};

export class Psql {
  #process;
  #waiting = [];
  #pending = '';
  #errors = '';
  #failure;

  /** Starts psql on a connection string. */
  constructor(connection) {
    const flags = ['--quiet', '--no-psqlrc', '--no-align', '--tuples-only', '--set', 'ON_ERROR_STOP=1'];
    this.#process = spawn('psql', [...flags, '--dbname', connection], { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#process.stdout.setEncoding('utf8').on('data', (text) => this.#read(text));
    this.#process.stderr.setEncoding('utf8').on('data', (text) => {
      this.#errors += text;
    });
    this.#process.on('error', (error) => this.#fail(error));
    this.#process.on('close', () => this.#fail(new Error(`psql ended: ${this.#errors}`)));
    this.#process.stdin.on('error', () => {}); // 'close' tells the story, with psql's own words
  }

  /**
   * Runs one statement in a transaction of its own. Resolves when psql has the COMMIT's answer, to
   * {sentAt, answeredAt}: the database's clock just before COMMIT and ours after it, both in
   * milliseconds since the epoch and comparable on one machine only.
   */
  async commit(statement, variables = {}) {
    const set = Object.entries(variables).map(([name, value]) => `\\set ${name} '${value}'\n`);
    const clock = `SELECT extract(epoch FROM clock_timestamp()) * 1000;`;
    const sentAt = this.#line();
    const committed = this.#line();
    this.#process.stdin.write(`${set.join('')}BEGIN;\n${statement};\n${clock}\nCOMMIT;\nSELECT 'committed';\n`);
    const [before, { at }] = await Promise.all([sentAt, committed]);
    return { sentAt: Number(before.text), answeredAt: at };
  }

  /** Ends psql. */
  stop() {
    this.#process.stdin.end('\\q\n');
  }

  #line() {
    if (this.#failure) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  #read(text) {
    const at = now();
    const lines = (this.#pending + text).split('\n');
    this.#pending = lines.pop();
    for (const line of lines) this.#waiting.shift()?.resolve({ text: line, at });
  }

  #fail(error) {
    this.#failure ??= error;
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}

/** SQL by the starter of the script, which answers the question `commit` where there is no psql. */
export class Starter {
  /** Asks for the change of one flag; the answer is that of `Psql.commit`. */
  commit(_statement, variables) {
    return ask('commit', variables);
  }

  /** There is nothing to end. */
  stop() {}
}

/** This process's clock: milliseconds since the epoch, with a fraction. */
export const now = () => performance.timeOrigin + performance.now();
