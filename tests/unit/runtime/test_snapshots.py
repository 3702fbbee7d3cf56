"""What a template may say."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.runtime import launcher as launcher_module
from router.runtime.launcher import Launcher
from router.runtime.snapshots import checked
from tests.helpers.clock import VirtualClock

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


class Chatter:
    """The socket of a template that writes faster than anybody reads."""

    def __init__(self, message: bytes) -> None:
        self.message, self.heard = message, 0

    def recv(self, *_: object) -> tuple[bytes, list[int], int, None]:
        self.heard += 1
        assert self.heard < 1000, "the loop is kept from everything else"
        return self.message, [], 0, None


class Forking:
    """See spawning.Spawning."""

    pid = 0

    def __init__(self, control: Any) -> None:
        self.control = control

    def leave(self) -> None:
        """Nothing to end."""


@pytest.mark.parametrize("gives_up", [False, True])
async def test_a_template_that_never_stops_talking_leaves_the_loop_to_others(gives_up: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    launcher, chatter = Launcher("", lock_fd=None, clock=VirtualClock(), on_restart=lambda: None), Chatter(b"{}")

    def received(_: bytes, descriptors: list[int]) -> None:
        if gives_up:
            launcher._process = None

    monkeypatch.setattr(launcher_module.socket, "recv_fds", chatter.recv)
    monkeypatch.setattr(launcher, "_received", received)
    launcher._process = Forking(chatter)
    launcher._readable()
    assert chatter.heard == (1 if gives_up else 64)
