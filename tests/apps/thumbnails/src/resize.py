"""Scales a portable pixmap down by taking every n-th pixel, and keeps what kind of picture it is."""

import os
from urllib.parse import unquote_plus

import boto3

s3 = boto3.client("s3")


def read(picture: bytes) -> tuple[int, int, bytes]:
    magic, width, height, depth, pixels = picture.split(maxsplit=4)[:5]
    assert (magic, depth) == (b"P6", b"255"), "only binary PPM of 8 bits"
    return int(width), int(height), pixels


def shrunk(picture: bytes, size: int) -> bytes:
    width, height, pixels = read(picture)
    step = max(1, -(-max(width, height) // size))
    rows = [b"".join(pixels[(y * width + x) * 3 : (y * width + x) * 3 + 3] for x in range(0, width, step)) for y in range(0, height, step)]
    return b"P6 %d %d 255\n" % (len(rows[0]) // 3, len(rows)) + b"".join(rows)


def handler(event, context):
    for record in event["Records"]:
        bucket = record["s3"]["bucket"]["name"]
        key = unquote_plus(record["s3"]["object"]["key"])
        found = s3.get_object(Bucket=bucket, Key=key)
        small = shrunk(found["Body"].read(), int(os.environ["SIZE"]))
        target = key.replace("in/", "small/", 1)
        s3.put_object(
            Bucket=os.environ["THUMBNAILS"],
            Key=target,
            Body=small,
            ContentType="image/x-portable-pixmap",
            Metadata={"from": record["s3"]["object"]["eTag"]},
        )
        print("made", target)
