"""S3 of a whole daemon, driven by AWS's command line (version 1) as it comes: the endpoint and credentials in its environment."""

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.endpoint import REGION, Cloud
from tests.helpers.trees import tree

MIB = 1024 * 1024
FILES = int(os.environ.get("SYNC_FILES", "120"))  # of a whole tree that is synchronised; the full suite: 10000
AWS = Path(sys.executable).with_name("aws")


class Line:
    """The program, in an environment of its own."""

    def __init__(self, cloud: Cloud, home: Path) -> None:
        key = cloud.key()
        self.cwd = home
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "AWS_ENDPOINT_URL": cloud.url,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
            "AWS_EC2_METADATA_DISABLED": "true",
            "PYTHONWARNINGS": "ignore",
        }

    def run(self, *words: str, code: int = 0) -> str:
        """What `aws WORDS` prints."""
        done = subprocess.run([AWS, *words], cwd=self.cwd, env=self._environment, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == code, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    directory = tmp_path_factory.mktemp("cli")
    (directory / "bkt").mkdir()
    with Cloud(directory, "buckets: {bkt: ./bkt}\n").serving() as made:
        yield made


@pytest.fixture(scope="module")
def aws(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Line:
    return Line(cloud, tmp_path_factory.mktemp("home"))


def test_a_bucket_of_its_own(aws: Line) -> None:
    assert aws.run("s3", "mb", "s3://mine") == "make_bucket: mine\n"
    assert " mine\n" in aws.run("s3", "ls")
    assert aws.run("s3", "rb", "s3://mine") == "remove_bucket: mine\n"
    assert " mine\n" not in aws.run("s3", "ls")


@pytest.mark.parametrize("size", [5, 20 * MIB + 1])
def test_a_file_goes_up_across_and_down(aws: Line, cloud: Cloud, size: int) -> None:
    data = (bytes(range(256)) * (size // 256 + 1))[:size]
    (aws.cwd / "a é+1.bin").write_bytes(data)
    aws.run("s3", "cp", "a é+1.bin", "s3://bkt/cp/", "--content-type", "a/b", "--metadata", "k=v")
    assert (cloud.directory / "bkt/cp/a é+1.bin").read_bytes() == data
    aws.run("s3", "cp", "s3://bkt/cp/a é+1.bin", "s3://bkt/cp/second")
    aws.run("s3", "mv", "s3://bkt/cp/second", "s3://bkt/cp/third")
    aws.run("s3", "mv", "s3://bkt/cp/third", "down")
    assert (aws.cwd / "down").read_bytes() == data
    listed = aws.run("s3", "ls", "s3://bkt/cp/")
    assert f"{size} a é+1.bin" in listed
    assert "second" not in listed
    assert aws.run("s3", "ls", "s3://bkt/nothing/", code=1) == ""
    aws.run("s3", "rm", "s3://bkt/cp/", "--recursive")
    assert aws.run("s3", "ls", "s3://bkt/", "--recursive").count("cp/") == 0


def test_standard_input_and_output(aws: Line, cloud: Cloud) -> None:
    (cloud.directory / "bkt/said").write_text("hello")
    assert aws.run("s3", "cp", "s3://bkt/said", "-") == "hello"
    assert aws.run("s3api", "get-object", "--bucket", "bkt", "--key", "said", "--range", "bytes=1-2", "out") != ""
    assert (aws.cwd / "out").read_text() == "el"


def test_a_presigned_url(aws: Line, cloud: Cloud) -> None:
    (cloud.directory / "bkt/shared file").write_text("hello")
    url = aws.run("s3", "presign", "s3://bkt/shared file").strip()
    with urllib.request.urlopen(url, timeout=20) as answer:
        assert answer.read() == b"hello"


def test_a_tree_is_synchronised_both_ways(aws: Line, cloud: Cloud) -> None:
    up, down, long_ago = aws.cwd / "up", aws.cwd / "down-tree", time.time() - 60
    for number in range(FILES):
        path = up / f"d{number % 17}" / f"e{number % 5}" / f"f{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"%d" % number * (number % 50))
        os.utime(path, (long_ago, long_ago))  # times of objects are whole seconds: a file of this one would be newer than its object
    aws.run("s3", "sync", "up", "s3://bkt/tree", "--only-show-errors")
    assert tree(cloud.directory / "bkt/tree") == tree(up)
    assert aws.run("s3", "sync", "up", "s3://bkt/tree") == ""  # nothing has changed
    aws.run("s3", "sync", "s3://bkt/tree", "down-tree", "--only-show-errors")
    assert tree(down) == tree(up)
    assert aws.run("s3", "sync", "s3://bkt/tree", "down-tree") == ""
    (up / "d0/e0/f0.txt").unlink()
    (up / "d1/e1/f1.txt").write_text("changed")
    told = aws.run("s3", "sync", "up", "s3://bkt/tree", "--delete").splitlines()
    assert len([line for line in told if line.startswith(("upload:", "delete:"))]) == 2
    assert tree(cloud.directory / "bkt/tree") == tree(up)
    aws.run("s3", "rm", "s3://bkt/tree", "--recursive", "--only-show-errors")
    assert aws.run("s3", "ls", "s3://bkt/tree/", code=1) == ""
