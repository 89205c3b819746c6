"""A gRPC server over mutual TLS: grpc_server.py PORT CHAIN KEY BUNDLE LOG. Every kind of call sends
back what it got; LOG has a line for each message that came: method and message in hexadecimal."""

import sys
import time
from concurrent import futures

import grpc

port, chain, key, bundle, log = sys.argv[1:]


def seen(method, message):
    with open(log, "a") as lines:
        lines.write(f"{method} {message.hex()}\n")
    return message


def stream(messages, method):
    for message in messages:
        yield seen(method, message)


calls = {
    "Unary": grpc.unary_unary_rpc_method_handler(lambda message, _: seen("Unary", message)),
    "Down": grpc.unary_stream_rpc_method_handler(
        lambda message, _: (seen("Down", message) for _ in range(3))),
    "Up": grpc.stream_unary_rpc_method_handler(
        lambda messages, _: b"".join(stream(messages, "Up"))),
    "Both": grpc.stream_stream_rpc_method_handler(lambda messages, _: stream(messages, "Both")),
}
with open(chain, "rb") as file:
    chain = file.read()
with open(key, "rb") as file:
    key = file.read()
with open(bundle, "rb") as file:
    bundle = file.read()
server = grpc.server(futures.ThreadPoolExecutor(8))
server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("lab.Study", calls)])
credentials = grpc.ssl_server_credentials([(key, chain)], bundle, require_client_auth=True)
server.add_secure_port(f"127.0.0.1:{port}", credentials)
server.start()
while True:
    time.sleep(60)
