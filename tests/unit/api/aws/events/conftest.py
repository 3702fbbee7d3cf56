"""Fresh buses, rules and schedules."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.unit.api.aws.events.rig import Rig


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with Rig(tmp_path).running() as made:
        yield made
