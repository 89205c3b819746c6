"""Calls of all four kinds, and leaks: grpc_calls.py HOST:PORT SSN. Prints as JSON what came back.
grpcio takes the proxy from https_proxy and the CA from GRPC_DEFAULT_SSL_ROOTS_FILE_PATH."""

import json
import queue
import sys

import grpc

target, ssn = sys.argv[1:]
channel = grpc.secure_channel(target, grpc.ssl_channel_credentials())


def text(words):
    """A Protocol Buffers message with one text in field 1."""
    return bytes([0x0A, len(words)]) + words.encode()


def refused(call):
    try:
        call()
    except grpc.RpcError as error:
        return {"code": error.code().name, "details": error.details()}
    return None


def both(messages):
    """A call in which each message is sent once the last one has come back."""
    waiting = queue.Queue()
    answers = channel.stream_stream("/lab.Study/Both")(iter(waiting.get, None), timeout=120)
    count = 0
    for message in messages:
        waiting.put(message)
        assert next(answers) == message
        count += 1
    waiting.put(None)
    assert list(answers) == []
    return count


note = text("round one")
out = {
    "unary": channel.unary_unary("/lab.Study/Unary")(note, timeout=120) == note,
    "down": len(list(channel.unary_stream("/lab.Study/Down")(note, timeout=120))),
    "up": len(channel.stream_unary("/lab.Study/Up")(iter([note] * 5), timeout=120)) // len(note),
    "both": both(text(f"round {turn}") for turn in range(20)),
}
leak = text(f"the ssn is {ssn}")
head, tail = text(f"the ssn is {ssn[:6]}"), text(ssn[6:])
out["leak"] = refused(lambda: channel.unary_unary("/lab.Study/Unary")(leak, timeout=120))
out["late"] = refused(lambda: both([note, leak]))
out["split"] = refused(lambda: both([note, head, tail]))
out["elsewhere"] = refused(lambda: channel.unary_unary("/other.Study/Unary")(note, timeout=120))
print(json.dumps(out))
