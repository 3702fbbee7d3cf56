"""An object far larger than memory goes up in parts and down in ranges while the daemon's memory stays where it was.

S3_LARGE_MB says how large: 5120 is the 5 GB that the endpoint promises; the test run takes less."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig

from tests.helpers.endpoint import Cloud

MIB = 1024 * 1024
SIZE = int(os.environ.get("S3_LARGE_MB", "256")) * MIB
GROWTH = 96 * MIB  # of the daemon's memory: ten parts at a time hold a few mebibytes each, and what the allocator keeps of them
PARTS = TransferConfig(multipart_chunksize=16 * MIB, max_concurrency=8)

pytestmark = pytest.mark.timeout(1800)


class Digest:
    """A file to write to that keeps the digest alone."""

    def __init__(self) -> None:
        self._digest = hashlib.blake2b()
        self.size = 0

    def write(self, data: bytes) -> int:
        self._digest.update(data)
        self.size += len(data)
        return len(data)

    def hexdigest(self) -> str:
        return self._digest.hexdigest()


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    directory = tmp_path_factory.mktemp("large")
    (directory / "bkt").mkdir()
    with Cloud(directory, "buckets: {bkt: ./bkt}\n").serving() as made:
        yield made
        (directory / "bkt/large").unlink(missing_ok=True)


@pytest.fixture(scope="module")
def s3(cloud: Cloud) -> Any:
    return cloud.client("s3", cloud.key(), max_pool_connections=10)


def memory(cloud: Cloud, field: str = "VmRSS") -> int:
    """Bytes of the daemon; VmHWM: the most it ever had."""
    assert cloud.process is not None
    lines = Path(f"/proc/{cloud.process.pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(f"{field}:")).split()[1]) * 1024


def sparse(path: Path) -> None:
    """Nothing but a few bytes at odd places of a file that takes no room."""
    with path.open("wb") as out:
        out.truncate(SIZE)
        for at in range(0, SIZE, SIZE // 7 + 1):
            out.seek(at)
            out.write(f"at {at}".encode())


def digest_of(path: Path) -> str:
    made = Digest()
    with path.open("rb") as found:
        while piece := found.read(4 * MIB):
            made.write(piece)
    return made.hexdigest()


def test_memory_stays_flat_both_ways(cloud: Cloud, s3: Any, tmp_path: Path) -> None:
    sparse(tmp_path / "up")
    s3.put_object(Bucket="bkt", Key="warm", Body=bytes(MIB))
    before = memory(cloud)
    s3.upload_file(str(tmp_path / "up"), "bkt", "large", Config=PARTS)
    expected = digest_of(tmp_path / "up")
    (tmp_path / "up").unlink()
    assert s3.head_object(Bucket="bkt", Key="large")["ContentLength"] == SIZE
    down = Digest()
    s3.download_fileobj("bkt", "large", down, Config=TransferConfig(multipart_threshold=2 * SIZE))  # one answer, whole
    assert (down.size, down.hexdigest()) == (SIZE, expected)
    print(f"daemon before {before // MIB} MiB, at most {memory(cloud, 'VmHWM') // MIB} MiB")
    assert memory(cloud, "VmHWM") - before < GROWTH
