// Asks for something, then reports one check that holds and one that does not.
import { ask, check, finish, say } from '../node/console.mjs';

const value = await ask('restart', { port: 4242 });
const refusal = await ask('unheard of').catch((error) => error.message);
say(`hello ${process.env.PENNON_NAME}`);
check('the sky is blue', true, 'never printed');
check('the sea is dry', false, { depth: 11034 });
finish({ value, refusal });
