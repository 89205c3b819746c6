"""Multipart upload of 20 MiB with boto3 at its defaults: s3.py ENDPOINT KIND SSN.

KIND is clean, checkpoint (a zip that spans all parts), leak (a number in the middle of a chunk),
member (a number in a file of that zip), straddle (a number across the border of two aws-chunks) or
border (across that of two parts). Prints what happened as JSON.
"""

import hashlib
import io
import json
import sys
import zipfile

import boto3
import numpy
from boto3.s3.transfer import TransferConfig
from botocore.config import Config

MIB = 1 << 20
SIZE = 20 * MIB
# botocore wraps a body in aws-chunks of this many bytes (AwsChunkedWrapper).
AWS_CHUNK = MIB


def text(size: int) -> bytearray:
    """Training log lines of the given size."""
    lines = []
    made = 0
    step = 0
    while made < size:
        step += 1
        line = f"epoch {step // 1000} step {step % 1000} loss {1 / step:.6f} phase train\n"
        lines.append(line)
        made += len(line)
    return bytearray("".join(lines)[:size].encode())


def body(kind: str, ssn: str) -> bytes:
    if kind == "clean":
        random = numpy.random.default_rng(11)
        return random.normal(0, 0.02, SIZE // 4).astype(numpy.float32).tobytes()
    if kind in ("checkpoint", "member"):
        return checkpoint(ssn if kind == "member" else "")
    made = text(SIZE)
    note = f"\nPatient SSN: {ssn}\n".encode()
    # In the second part: 8 MiB are one part.
    place = {
        "border": 8 * MIB - note.index(ssn.encode()) - 3,
        "leak": 8 * MIB + AWS_CHUNK // 2,
        # Three digits on one side, the rest on the other.
        "straddle": 8 * MIB + AWS_CHUNK - note.index(ssn.encode()) - 3,
    }[kind]
    made[place:place + len(note)] = note
    return bytes(made)


def checkpoint(note: str) -> bytes:
    """A zip like PyTorch's: weights stored, a log deflated, about 20 MiB."""
    random = numpy.random.default_rng(11)
    weights = random.normal(0, 0.02, SIZE // 8).astype(numpy.float32).tobytes()
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("model/data/0", weights)
        archive.writestr(
            "model/log.txt", bytes(text(MIB)) + f"Patient SSN: {note}\n".encode() * bool(note),
            zipfile.ZIP_DEFLATED,
        )
        archive.writestr("model/data/1", weights)
    return made.getvalue()


def main() -> None:
    endpoint, kind, ssn = sys.argv[1:]
    s3 = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        config=Config(s3={"addressing_style": "path"}),
    )
    s3.create_bucket(Bucket="models")
    sent = body(kind, ssn)
    config = TransferConfig(multipart_threshold=8 * MIB, multipart_chunksize=8 * MIB)
    result = {"raised": None}
    try:
        s3.upload_fileobj(io.BytesIO(sent), "models", f"{kind}.bin", Config=config)
    except Exception as error:  # what it raised is the result
        result = {"raised": type(error).__name__, "text": str(error)}
    if result["raised"] is None:
        back = s3.get_object(Bucket="models", Key=f"{kind}.bin")["Body"].read()
        result["is_identical"] = hashlib.sha256(back).digest() == hashlib.sha256(sent).digest()
        result["bytes"] = len(back)
    else:
        listed = s3.list_objects_v2(Bucket="models")
        result["objects"] = [item["Key"] for item in listed.get("Contents", [])]
    print(json.dumps(result))


main()
