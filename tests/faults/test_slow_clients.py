"""Five hundred clients that send nothing, or a byte now and then, or hardly read: a healthy client of the same daemon notices nothing,
and what the daemon keeps for them is bounded."""

import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import pytest

from tests.helpers.house import ROOT, House, free_port

CLIENTS = int(os.environ.get("SLOW_CLIENTS", "500"))
ROUNDS, MORE = 5, 9  # of both sides; more only while the median is over the bound
REQUESTS = 300  # of one side in one round
ANSWER = 4_000_000  # bytes; the kernel takes three million of it, the rest waits in the daemon
HELD = 320 * 1024 * 1024  # bytes: Limits.held_bytes, and what four invocations have in hand

pytestmark = [pytest.mark.fault, pytest.mark.timeout(120)]

CONFIG = """
version: 1
state: ./state
listen: {{http: "127.0.0.1:{port}", aws: off, console: off}}
limits: {{concurrency: 4}}
functions:
  echo: {{code: ./code, handler: app.echo, triggers: [{{http: GET /echo}}, {{http: POST /echo}}]}}
  large: {{code: ./code, handler: app.large, timeout: 60, memory: 512, triggers: [{{http: GET /large}}]}}
"""
CODE = f"""
def echo(event, context):
    return {{"statusCode": 200, "body": event["rawPath"]}}

def large(event, context):
    return {{"statusCode": 200, "body": "x" * {ANSWER}}}
"""
REQUEST = b"GET /echo HTTP/1.1\r\nHost: a\r\n\r\n"


class Healthy:
    """A client with one keep-alive connection."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=20)

    def ask(self) -> float:
        """One request; the seconds until its whole answer was there."""
        started = time.perf_counter()
        self._socket.sendall(REQUEST)
        answer = b""
        while not answer.endswith(b"\r\n\r\n/echo"):
            data = self._socket.recv(65536)
            assert data, answer
            answer += data
        assert answer.startswith(b"HTTP/1.1 200 ")
        return time.perf_counter() - started

    def p99(self) -> float:
        """Of as many requests as a side of a round has, seconds."""
        times = sorted(self.ask() for _ in range(REQUESTS))
        return times[REQUESTS * 99 // 100 - 1]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()


@contextmanager
def slow_clients(port: int) -> Iterator[None]:
    """All of them, each at what it does. Elsewhere they had processors of their own: here they get what the daemon and others leave."""
    command = ["nice", "-n", "19", sys.executable, "-m", "tests.faults.slow", str(port), str(CLIENTS)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "settled\n"
            yield
            process.stdin.close()
            assert int(process.stdout.readline()) > CLIENTS * 0.7  # those cut off are on their way back
        finally:
            process.kill()


def resident(house: House, field: str) -> int:
    """Bytes of the daemon's memory: VmRSS now, VmHWM at its peak."""
    assert house.process is not None
    lines = Path(f"/proc/{house.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:"))


def test_slow_clients_harm_no_healthy_one(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code/app.py").write_text(CODE)
    port = free_port()
    with House(tmp_path, CONFIG.format(port=port)) as house:
        house.start()
        assert house.ready()
        assert house.until(lambda: house.get("/status")["ready"], 20)
        alone: list[float] = []
        beside: list[float] = []
        with Healthy(port) as healthy:
            healthy.p99()  # an environment starts, code is warmed up
            before = resident(house, "VmRSS")
            while len(alone) < ROUNDS or (len(alone) < MORE and ratio(alone, beside) > 2):
                alone.append(healthy.p99())
                with slow_clients(port):
                    beside.append(healthy.p99())
        assert ratio(alone, beside) <= 2, (alone, beside)
        assert resident(house, "VmHWM") - before < HELD
        assert house.stop() == 0


def ratio(alone: list[float], beside: list[float]) -> float:
    """How much worse the healthy client fares beside the slow ones: medians of all rounds."""
    return statistics.median(beside) / statistics.median(alone)
