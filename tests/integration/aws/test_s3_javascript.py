"""S3 of a whole daemon, spoken to by AWS's SDK for JavaScript (version 3) as it comes."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.endpoint import REGION, Cloud

NODE = Path(__file__).with_name("node")
MISSING = "the JavaScript SDK is missing: npm ci --prefix tests/integration/aws/node"
KEYS = ["a k+1/é.txt", "plain", "x/~!*'()", "日本"]

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What every step of the program gave."""
    if shutil.which("node") is None or not (NODE / "node_modules").is_dir():
        pytest.skip(MISSING)
    directory = tmp_path_factory.mktemp("javascript")
    (directory / "bkt").mkdir()
    with Cloud(directory, "buckets: {bkt: ./bkt}\n").serving() as cloud:
        key = cloud.key()
        environment = {
            "PATH": os.environ["PATH"],
            "AWS_ENDPOINT_URL": cloud.url,
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
        }
        done = subprocess.run(["node", NODE / "s3.mjs"], env=environment, capture_output=True, text=True, timeout=90, check=False)
        assert done.returncode == 0, done.stderr + cloud.log.read_text()[-2000:]
        yield json.loads(done.stdout)


def test_objects_come_back(said: dict[str, Any]) -> None:
    assert {key: said[key] for key in KEYS} == {key: f"text of {key}" for key in KEYS}
    assert said["head"] == [13, "text/plain", {"mixed": "Case"}, True]
    assert said["range"] == "of"


def test_streams_are_stored_byte_for_byte(said: dict[str, Any]) -> None:
    """A stream comes aws-chunked, with its checksum behind it, over http too."""
    assert (said["stream"], said["parts"]) == (True, True)


def test_copies_and_listings(said: dict[str, Any]) -> None:
    assert said["copied"] == "text of a k+1/é.txt"
    names = sorted([*KEYS, "copied", "stream", "parts"], key=str.encode)
    assert said["pages"] == [names[:3], names[3:6], names[6:]]
    assert said["prefixes"] == ["a k+1/", "x/"]


def test_presigned_urls(said: dict[str, Any]) -> None:
    assert said["presignedGet"] == "text of a k+1/é.txt"
    assert said["presignedPut"] == [200, "from a page"]
    assert said["presignedOther"] == 403


def test_refusals_have_their_names(said: dict[str, Any]) -> None:
    assert (said["missing"], said["condition"], said["nowhere"]) == ("404 NoSuchKey", "412 PreconditionFailed", "404 NoSuchBucket")
    assert said["deleted"] == ["stream", "parts", "never"]
