"""WebSockets with Python's own libraries, as JSON lines.

server KIND PORT [CHAIN KEY]: an echo server of `websockets` or `aiohttp`, that compresses where it is
  asked to; prints {"heard": ...} for each message.
client KIND URL CA MESSAGE...: sends the messages in turn (a list in JSON is one message in fragments), each
  after the answer to the one before; prints {"heard": ...} for each answer, and at the end {"code": ..., "reason": ...}.
The proxy is that of the environment (https_proxy, http_proxy).
"""

import asyncio
import json
import os
import ssl
import sys
import urllib.parse
import zlib

PATIENCE = 60


def tell(**words):
    print(json.dumps(words), flush=True)


def proxy_of(url):
    secure = url.startswith("wss:")
    return os.environ["https_proxy" if secure else "http_proxy"]


def trusting(url, ca):
    return ssl.create_default_context(cafile=ca) if url.startswith("wss:") else None


async def serve_websockets(port, tls):
    import websockets

    async def echo(socket):
        tell(compressed=bool(socket.protocol.extensions))
        async for message in socket:
            tell(heard=str(message))
            await socket.send(message)

    async with websockets.serve(echo, "127.0.0.1", port, ssl=tls, compression="deflate"):
        await asyncio.get_running_loop().create_future()


async def serve_aiohttp(port, tls):
    from aiohttp import WSMsgType, web

    async def echo(request):
        socket = web.WebSocketResponse(compress=True)
        await socket.prepare(request)
        tell(compressed=bool(socket.compress))
        async for message in socket:
            if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                tell(heard=str(message.data))
                await socket.send_str(message.data)
        return socket

    app = web.Application()
    app.router.add_get("/{path:.*}", echo)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, ssl_context=tls).start()
    await asyncio.get_running_loop().create_future()


async def ask_websockets(url, ca, messages):
    import websockets

    try:
        async with websockets.connect(
            url, ssl=trusting(url, ca), proxy=proxy_of(url), compression="deflate", open_timeout=PATIENCE
        ) as socket:
            tell(compressed=bool(socket.protocol.extensions))
            try:
                for message in messages:
                    await socket.send(message)
                    answer = await asyncio.wait_for(socket.recv(), PATIENCE)
                    tell(heard=answer)
            except websockets.ConnectionClosed:
                await asyncio.wait_for(socket.wait_closed(), PATIENCE)
        tell(code=socket.close_code, reason=socket.close_reason)
    except websockets.InvalidStatus as refused:
        tell(status=refused.response.status_code, body=refused.response.body.decode())


async def ask_aiohttp(url, ca, messages):
    import aiohttp

    async with aiohttp.ClientSession() as session:
        try:
            async with session.ws_connect(
                url, proxy=proxy_of(url), ssl=trusting(url, ca) or True, compress=15
            ) as socket:
                tell(compressed=bool(socket.compress))
                for message in messages:
                    if isinstance(message, list):
                        await fragments(socket, message)
                    else:
                        await socket.send_str(message)
                    answer = await asyncio.wait_for(socket.receive(), PATIENCE)
                    if answer.type != aiohttp.WSMsgType.TEXT:
                        reason = answer.extra if answer.type == aiohttp.WSMsgType.CLOSE else None
                        return tell(code=socket.close_code, reason=reason)
                    tell(heard=answer.data)
                await socket.close()
                tell(code=socket.close_code, reason="")
        except aiohttp.WSServerHandshakeError as refused:
            tell(status=refused.status)


async def fragments(socket, parts):
    """One compressed message in as many frames: aiohttp has no call for it, so its writer's stream is used."""
    packer = zlib.compressobj(wbits=-15)
    whole = packer.compress("".join(parts).encode()) + packer.flush(zlib.Z_SYNC_FLUSH)
    whole = whole[:-4]
    size = -(-len(whole) // len(parts))
    pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
    transport = socket._writer.transport
    for at, piece in enumerate(pieces):
        first = (0x41 if at == 0 else 0x00) | (0x80 if at == len(pieces) - 1 else 0)
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(piece))
        transport.write(bytes([first, 0x80 | len(piece)]) + mask + masked)


def main():
    role, kind, *rest = sys.argv[1:]
    if role == "server":
        port, *pair = rest
        tls = None
        if pair:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(*pair)
        serve = {"websockets": serve_websockets, "aiohttp": serve_aiohttp}[kind]
        asyncio.run(serve(int(port), tls))
    else:
        url, ca, *messages = rest
        ask = {"websockets": ask_websockets, "aiohttp": ask_aiohttp}[kind]
        asyncio.run(ask(url, ca, [json.loads(message) for message in messages]))


main()
