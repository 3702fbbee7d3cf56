"""What a template may say."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.runtime.snapshots import checked

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["spawned", "failed", "exited", "pid", "status", "memory", "left"]), inner)
    ),
)


@pytest.mark.parametrize(
    "message",
    [{"spawned": 1, "pid": 2}, {"exited": 3, "status": 256, "memory": 9, "left": 0}, {"failed": 4, "error": "fork: no"}],
)
def test_what_a_spawner_says(message: dict[str, Any]) -> None:
    assert checked(message) == message


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"exited": 3, "status": 0x7F + 0x1FF00, "memory": 9, "left": 0},
        {"exited": 3, "status": True, "memory": 9, "left": 0},
        {"spawned": 1},
        {"spawned": "1", "pid": 2},
        {"spawned": -1, "pid": 2},
        {"spawned": 1, "pid": 2**80},
        [],
        None,
        "spawned",
    ],
)
def test_what_none_says(message: Any) -> None:
    with pytest.raises(ValueError, match=r".+"):
        checked(message)


@given(JSON)
def test_anything_at_all(message: Any) -> None:
    try:
        found = checked(json.loads(json.dumps(message)))
    except ValueError:
        return
    assert sum(kind in found for kind in ("spawned", "failed", "exited")) == 1
    assert all(type(value) is int and 0 <= value < 2**31 for name, value in found.items() if name != "error")
