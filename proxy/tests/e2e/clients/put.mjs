// PUTs a file with node's fetch: put.mjs UNDICI URL FILE [PROXY]. Prints the answer's status and body. fetch
// takes no proxy from the environment before node 22.21; undici, which it is made of, brings an agent.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';

const [folder, url, path, proxy] = process.argv.slice(2);
const { ProxyAgent, fetch: undiciFetch } = createRequire(import.meta.url)(folder);
const body = await readFile(path);
const answer = proxy
  ? await undiciFetch(url, {
      method: 'PUT',
      body,
      dispatcher: new ProxyAgent({ uri: proxy, proxyTunnel: url.startsWith('https:') }),
    })
  : await fetch(url, { method: 'PUT', body });
console.log(answer.status, await answer.text());
