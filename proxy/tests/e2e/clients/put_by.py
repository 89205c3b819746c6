"""PUTs a file with one of Python's HTTP clients: put_by.py CLIENT URL FILE. Prints the answer's version,
status and body. The proxy comes from the environment; aiohttp is told of a SOCKS proxy by a connector."""

import asyncio
import os
import sys

client, url, path = sys.argv[1:]
with open(path, "rb") as file:
    body = file.read()


def by_requests():
    import requests

    answer = requests.put(url, data=body, timeout=60)
    return f"HTTP/{answer.raw.version / 10}", answer.status_code, answer.text


def by_httpx(is_http2):
    import httpx

    with httpx.Client(http2=is_http2, timeout=60) as session:
        answer = session.put(url, content=body)
        return answer.http_version, answer.status_code, answer.text


async def by_aiohttp():
    import aiohttp

    connector = None
    if socks := os.environ.get("all_proxy"):
        from aiohttp_socks import ProxyConnector

        connector = ProxyConnector.from_url(socks.replace("socks5h", "socks5"), rdns=True)
    async with aiohttp.ClientSession(connector=connector, trust_env=connector is None) as session:
        async with session.put(url, data=body) as answer:
            version = f"HTTP/{answer.version.major}.{answer.version.minor}"
            return version, answer.status, await answer.text()


if client == "requests":
    told = by_requests()
elif client == "aiohttp":
    told = asyncio.run(by_aiohttp())
else:
    told = by_httpx(client == "httpx2")
print(*told)
