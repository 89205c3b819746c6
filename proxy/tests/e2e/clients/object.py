"""Puts an object with boto3 and gets it back: object.py ENDPOINT KEY FILE. Prints what came of it."""

import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

endpoint, key, path = sys.argv[1:]
s3 = boto3.client(
    "s3",
    endpoint_url=endpoint,
    region_name="us-east-1",
    aws_access_key_id="AKIDEXAMPLE",
    aws_secret_access_key="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    config=Config(s3={"addressing_style": "path"}),
)
with open(path, "rb") as file:
    body = file.read()
try:
    s3.create_bucket(Bucket="models")
    s3.put_object(Bucket="models", Key=key, Body=body)
    same = s3.get_object(Bucket="models", Key=key)["Body"].read() == body
    print("identical" if same else "different")
except ClientError as error:
    print(error)
    listed = s3.list_objects_v2(Bucket="models", Prefix=key)
    print("objects:", listed["KeyCount"])
