// A server by node's parser over mutual TLS: origin.mjs PORT CHAIN KEY BUNDLE LOG FOLDER. LOG has a line for each
// request, and for each connection that could not be read; bodies of PUT become files.
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { dirname, join } from 'node:path';

const [port, chain, key, bundle, log, folder] = process.argv.slice(2);
const note = (line) => appendFileSync(log, JSON.stringify(line) + '\n');
const tls = {
  cert: readFileSync(chain),
  key: readFileSync(key),
  ca: readFileSync(bundle),
  requestCert: true,
  minVersion: 'TLSv1.3',
};
const server = createServer(tls, async (request, response) => {
  const body = [];
  for await (const part of request) body.push(part);
  note({ method: request.method, uri: request.url });
  const file = join(folder, new URL(request.url, 'https://x').pathname);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, Buffer.concat(body));
  response.writeHead(201).end();
});
// Parser errors only: a connection that merely ends is no request.
server.on('clientError', (error) => error.code?.startsWith('HPE_') && note({ method: 'broken', uri: error.code }));
server.listen(Number(port), '127.0.0.1');
