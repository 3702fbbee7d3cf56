"""What all tests of the listener's parts share."""

from collections.abc import Iterator

import pytest

from router.web import runners


@pytest.fixture(autouse=True, scope="module")
def no_time_passes() -> Iterator[None]:
    """For the crowd: how much else the machine has to do is no part of these tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runners, "SPAN", 3600.0)
        yield
