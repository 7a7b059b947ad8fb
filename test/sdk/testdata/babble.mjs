// Prints half a message and waits.
setInterval(() => {}, 1000);
process.stdout.write('{"check": "half a mess\n');
