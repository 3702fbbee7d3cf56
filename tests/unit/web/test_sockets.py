"""Which of systemd's sockets is ours, and paths that cannot be listened on."""

import os
from pathlib import Path

import pytest

from router.config.types import Listen
from router.web import sockets
from router.web.sockets import CannotListen


def test_nothing_is_opened_for_a_listener_that_is_off() -> None:
    assert sockets.opened(Listen("off"), "http", mode=0o600) == []


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({}, "passed: none"),
        ({"LISTEN_FDS": "1", "LISTEN_PID": "1", "LISTEN_FDNAMES": "http"}, "passed: none"),
        ({"LISTEN_FDS": "2", "LISTEN_PID": "77", "LISTEN_FDNAMES": "console:other"}, "passed: console, other"),
        ({"LISTEN_FDS": "1", "LISTEN_PID": "77"}, "passed: none"),
    ],
)
def test_a_socket_that_was_not_passed_is_named(environ: dict[str, str], told: str) -> None:
    with pytest.raises(CannotListen, match="FileDescriptorName=http") as caught:
        sockets.passed("http", environ, 77)
    assert told in str(caught.value)


def test_a_path_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("precious")
    with pytest.raises(CannotListen, match="is no socket"):
        sockets.opened(Listen("unix", path=path), "http", mode=0o600)
    assert path.read_text() == "precious"


def test_a_path_without_its_directory_is_named(tmp_path: Path) -> None:
    path = tmp_path / "none" / "sock"
    with pytest.raises(CannotListen, match=f"cannot listen on unix:{path}: No such file"):
        sockets.opened(Listen("unix", path=path), "http", mode=0o600)


def test_a_path_too_long_for_a_socket_is_named(tmp_path: Path) -> None:
    with pytest.raises(CannotListen, match="too long"):
        sockets.opened(Listen("unix", path=tmp_path / ("x" * 120)), "http", mode=0o600)
    assert os.listdir(tmp_path) == []
