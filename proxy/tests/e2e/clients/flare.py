"""flare.py URL NOTE: says hello as NVIDIA FLARE does, then submits an update with NOTE in its metrics, both
written by its own library. Prints how the WebSocket was closed, as JSON."""

import asyncio
import json
import sys

import aiohttp
import numpy as np
from nvflare.apis.dxo import DXO, DataKind
from nvflare.apis.utils.decomposers import flare_decomposers
from nvflare.app_common.decomposers import common_decomposers, numpy_decomposers
from nvflare.fuel.f3.endpoint import Endpoint
from nvflare.fuel.f3.sfm.sfm_conn import SfmConnection
from nvflare.fuel.utils import fobs
from nvflare.fuel.utils.fobs.lobs import dump_to_bytes

HELLO = 4


class Kept:
    """A driver's connection that keeps what it is to send."""

    name = "kept"

    def send_frame(self, frame):
        self.frame = bytes(frame)


def written(send):
    kept = Kept()
    send(SfmConnection(kept, Endpoint("site-9", {})))
    return kept.frame


def update(note):
    flare_decomposers.register()
    common_decomposers.register()
    fobs.register(numpy_decomposers.NumpyArrayDecomposer)
    weights = {"w": (np.arange(1000) / 7).astype(np.float32)}
    learned = DXO(DataKind.WEIGHTS, data=weights, meta={"metrics": {"loss": 0.25, "note": note}})
    headers = {"cn__topic": "submit_update", "cn__channel": "task", "cn__origin": "site-9", "cn__msg_type": "req"}
    return headers, dump_to_bytes(learned.to_shareable())


async def main(url, note):
    headers, payload = update(note)
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        await socket.send_bytes(written(lambda conn: conn.send_handshake(HELLO)))
        ready = await asyncio.wait_for(socket.receive(), 30)
        assert ready.type == aiohttp.WSMsgType.BINARY, ready
        await socket.send_bytes(written(lambda conn: conn.send_data(1, 20, headers, payload)))
        while (message := await asyncio.wait_for(socket.receive(), 30)).type == aiohttp.WSMsgType.BINARY:
            pass
        print(json.dumps({"code": socket.close_code, "reason": message.extra}))


asyncio.run(main(*sys.argv[1:]))
