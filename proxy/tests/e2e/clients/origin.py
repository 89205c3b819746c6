"""A server for gunicorn, which parses requests in Python: LOG has a line for each request, bodies of PUT
become files in FOLDER."""

import json
import os
import pathlib


def app(environ, start_response):
    body = environ["wsgi.input"].read()
    with open(os.environ["LOG"], "a") as log:
        log.write(json.dumps({"method": environ["REQUEST_METHOD"], "uri": environ["RAW_URI"]}) + "\n")
    file = pathlib.Path(os.environ["FOLDER"] + environ["PATH_INFO"])
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(body)
    start_response("201 Created", [("Content-Length", "0")])
    return []
