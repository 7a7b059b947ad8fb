// Asks something and never ends, whatever the answer.
import { ask } from '../node/console.mjs';

setInterval(() => {}, 1000);
await ask('stop');
await new Promise(() => {});
