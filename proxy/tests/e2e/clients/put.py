"""PUTs a file with requests: put.py URL FILE. Prints status and body of the answer as JSON."""

import json
import sys

import requests

url, path = sys.argv[1:]
with open(path, "rb") as body:
    answer = requests.put(url, data=body, timeout=120)
print(json.dumps({
    "status": answer.status_code,
    "type": answer.headers.get("content-type"),
    "body": answer.text,
}))
