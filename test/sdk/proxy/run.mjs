// Runs @unleash/proxy, configured by its environment variables, on a free port. It prints the port on a line and ends when
// its standard input does.
import { createRequire } from 'node:module';

const { createApp } = createRequire(import.meta.url)('@unleash/proxy');
const server = createApp({}).listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: server.address().port })));
process.stdin.resume().on('end', () => process.exit(0));
