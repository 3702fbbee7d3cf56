"""Fresh log groups."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.unit.api.aws.logs.rig import Rig, rig


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Rig]:
    async with rig(tmp_path) as made:
        yield made
