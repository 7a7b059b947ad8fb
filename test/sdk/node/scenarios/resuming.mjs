// What happens to a stream that breaks: the SDK comes back with the last event id it has seen and
// must be brought up to date, without ever giving up on streaming.

import { ask } from '../console.mjs';
import { deltasOf } from '../wire.mjs';

const carriesHydration = (exchange) => deltasOf(exchange.firstEvent).some(({ type }) => type === 'hydration');

/** Resolves once the SDK has been served as many streams as `count`, each with its first event. */
const served = (sdk, wire, count) =>
  sdk.until(`stream number ${count}`, () => wire.streams.filter(({ firstEvent }) => /^data:/m.test(firstEvent)).length >= count, {
    events: ['exchange'],
    emitter: wire,
    describe: () => JSON.stringify(wire.streams.map(({ status }) => status)),
  });

/** After a cut connection only what was missed is sent. */
export async function resumes({ check, open, toggle, flip, flag }) {
  const { sdk, wire } = await open('streaming');
  await sdk.synchronized();
  await served(sdk, wire, 1);
  check('a first stream starts with a hydration', carriesHydration(wire.streams[0]));
  await toggle([sdk]);

  wire.cut();
  const enabled = await flip();
  await served(sdk, wire, 2);
  await sdk.until('the change it missed', () => sdk.client.isEnabled(flag) === enabled);
  const [, resumed] = wire.streams;
  check('the SDK comes back with a Last-Event-ID', Boolean(resumed.headers['last-event-id']), resumed.headers);
  check('a resumed stream carries no hydration', !carriesHydration(resumed), resumed.firstEvent.slice(0, 500));
  const names = deltasOf(resumed.firstEvent).map((event) => event.feature?.name);
  check('a resumed stream carries the missed change', names.includes(flag), names);
  await toggle([sdk]);
  check('the SDK still streams', sdk.fetching === 'streaming', sdk.switches);
}

/** An event id that cannot be resumed from is answered with a hydration. */
export async function rehydrates({ check, settings, token }) {
  for (const id of ['nonsense', '-1', '999999999999', '18446744073709551616']) {
    const headers = { authorization: token, accept: 'text/event-stream', 'last-event-id': id };
    const signal = AbortSignal.timeout(settings.deadlineMs);
    const response = await fetch(`${settings.url}/api/client/streaming`, { headers, signal });
    let text = '';
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      if (/^data:.*\n\n/m.test(text)) break;
    }
    const block = text.split('\n\n').find((each) => /^data:/m.test(each)) ?? '';
    check(`Last-Event-ID ${id} gets a hydration`, block !== '' && deltasOf(block)[0]?.type === 'hydration', text.slice(0, 300));
  }
}

/** The server is restarted under a connected SDK, changes are made before and after. */
export async function restarts({ check, open, toggle }) {
  const { sdk, wire } = await open('streaming');
  await sdk.synchronized();
  await toggle([sdk]);
  await ask('restart');
  await toggle([sdk]);
  await served(sdk, wire, 2);
  check('the SDK comes back with a Last-Event-ID', Boolean(wire.streams.at(-1).headers['last-event-id']));
  check('the SDK still streams', sdk.fetching === 'streaming', sdk.switches);
}

/**
 * A rolling deployment: three times within the SDK's fail-over window a new server joins, takes the
 * new connections, and the one that holds the stream is drained.
 */
export async function drains({ check, open, toggle, settings, moveTo }) {
  const { sdk, wire } = await open('streaming');
  await sdk.synchronized();
  for (let round = 1; round <= 3; round += 1) {
    const old = settings.url;
    const joined = await ask('join');
    moveTo(joined);
    wire.forwardTo(joined.url);
    await ask('drain', { url: old });
    await served(sdk, wire, round + 1);
    await toggle([sdk]);
  }
  check('the SDK still streams after three drains', sdk.fetching === 'streaming', sdk.switches);
  check('a drain closes a stream once', wire.streams.length === 4, wire.streams.length);
  const resumed = wire.streams.slice(1).filter((exchange) => !carriesHydration(exchange));
  check('the next server resumes where the last one stopped', resumed.length === 3, resumed.length);
}
