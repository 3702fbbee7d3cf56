"""One daemon for the tests of a file, a key of its operator's, and boto3 clients that have it.

The config is CONFIG of the file, its functions' code CODE; a file whose daemon wants more than these has a `cloud` of its own."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.helpers.endpoint import Cloud


@pytest.fixture(scope="module")
def cloud(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    file = request.module
    with Cloud(tmp_path_factory.mktemp("cloud"), file.CONFIG, getattr(file, "CODE", None)).serving() as made:
        yield made


@pytest.fixture(scope="module")
def key(cloud: Cloud) -> dict[str, str]:
    return cloud.key()


@pytest.fixture(scope="module")
def s3(cloud: Cloud, key: dict[str, str]) -> Any:
    return cloud.client("s3", key)


@pytest.fixture(scope="module")
def sqs(cloud: Cloud, key: dict[str, str]) -> Any:
    return cloud.client("sqs", key)


@pytest.fixture(scope="module")
def sns(cloud: Cloud, key: dict[str, str]) -> Any:
    return cloud.client("sns", key)
