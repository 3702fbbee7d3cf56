"""What every runtime does with a function, whatever language it is written in.

A runtime is one entry in samples.SAMPLES: how each behaviour here is written in its language."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from router.telemetry.metrics import Metrics
from tests.conformance.runtime.bench import Bench
from tests.conformance.samples import SAMPLES, Sample, each
from tests.helpers.logs import MemoryLogs
from tests.helpers.pools import serving, written


@pytest.fixture(params=each(), scope="module")
def sample(request: pytest.FixtureRequest) -> Sample:
    return SAMPLES[request.param]


@pytest.fixture
async def bench(sample: Sample, tmp_path: Path) -> AsyncIterator[Bench]:
    code = written(tmp_path / "code", sample.files)
    for name, tree in sample.trees.items():
        shutil.copytree(tree, code / name)
    logs, metrics = MemoryLogs(), Metrics()
    async with serving(tmp_path, logs, metrics, variables=lambda _: {"BUCKET_UPLOADS": "/data/uploads", "EXTRA": "daemon"}) as pool:
        yield Bench(pool, logs, metrics, code, sample)
    assert all(stream.closed for stream in logs.streams)
    assert list((tmp_path / "state" / "tmp").iterdir()) == []
