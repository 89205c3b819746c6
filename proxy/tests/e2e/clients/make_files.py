"""Makes the files that tests send, with Python's own libraries: make_files.py KIND SSN OUT."""

import gzip
import io
import sys
import zipfile

import numpy

NOTE = "Discharge summary, ward 4\nPatient SSN: {}\nSeen and discharged in good health.\n"


def checkpoint() -> bytes:
    """What numpy.savez writes: a zip of stored .npy members, here 3 MiB of weights."""
    random = numpy.random.default_rng(7)
    out = io.BytesIO()
    weights = {
        "encoder.weight": random.normal(0, 0.02, (512, 512)).astype(numpy.float32),
        "decoder.weight": random.normal(0, 0.02, (1024, 512)).astype(numpy.float32),
    }
    numpy.savez(out, **weights)
    return out.getvalue()


def zip_in_gzip(ssn: str) -> bytes:
    """A deflated zip member with the number in it, the zip inside a gzip."""
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("readme.txt", "Export of ward notes.\n" * 50)
        archive.writestr("notes/patient.txt", NOTE.format(ssn))
    outer = io.BytesIO()
    with gzip.GzipFile(filename="notes.zip", mode="wb", fileobj=outer, mtime=0) as stream:
        stream.write(inner.getvalue())
    return outer.getvalue()


def main() -> None:
    kind, ssn, path = sys.argv[1:]
    made = {
        "checkpoint": checkpoint,
        "zip-in-gzip": lambda: zip_in_gzip(ssn),
        "note": lambda: NOTE.format(ssn).encode(),
    }[kind]()
    with open(path, "wb") as file:
        file.write(made)


main()
