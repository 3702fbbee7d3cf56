"""What systemd is told."""

import os
import socket
from pathlib import Path

import pytest

from router.telemetry.systemd import ServiceManager


@pytest.mark.parametrize("abstract", [False, True])
def test_assignments_arrive_in_one_datagram(tmp_path: Path, abstract: bool) -> None:
    name = f"@router-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + name[1:] if abstract else name)
        assert ServiceManager({"NOTIFY_SOCKET": name}).notify("READY=1", "STATUS=serving")
        assert manager.recv(100) == b"READY=1\nSTATUS=serving"


def test_nobody_is_told_without_a_service_manager() -> None:
    assert not ServiceManager({}).notify("READY=1")


def test_a_deaf_service_manager_stops_nothing(tmp_path: Path) -> None:
    assert not ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "gone")}).notify("READY=1")


@pytest.mark.parametrize(
    ("environ", "period"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 10.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 10.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, 0.0),
        ({"WATCHDOG_USEC": "soon"}, 0.0),
        ({}, 0.0),
    ],
)
def test_signs_of_life_come_three_times_within_the_limit(environ: dict[str, str], period: float) -> None:
    assert ServiceManager(environ).watchdog == period
