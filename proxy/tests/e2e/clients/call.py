"""One gRPC call: call.py TARGET plain|tls TEXT. Prints `identical`, or the refusal."""

import sys

import grpc

target, security, words = sys.argv[1:]
note = bytes([0x0A, len(words)]) + words.encode()
channel = (
    grpc.insecure_channel(target)
    if security == "plain"
    else grpc.secure_channel(target, grpc.ssl_channel_credentials())
)
try:
    print("identical" if channel.unary_unary("/lab.Study/Unary")(note, timeout=120) == note else "different")
except grpc.RpcError as error:
    print(error.code().name, error.details())
