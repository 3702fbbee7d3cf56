"""A fresh SNS."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.unit.api.aws.sns.rig import Rig, rig


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Rig]:
    async with rig(tmp_path) as made:
        yield made
