"""The AWS endpoint as boto3 sees it: one client, one call after another."""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from bench.daemon import FUNCTIONS, Running
from bench.load import LISTENER, bare
from bench.process import cpu_seconds
from bench.table import Check, Row
from router.credentials import KeyStore
from tests.helpers.house import free_port

CONFIG = """
version: 1
state: ./state
listen: {{http: off, aws: "127.0.0.1:{port}", console: off}}
functions:
  echo: {{code: {code}, handler: echo.handler}}
"""
EVENT = b'{"body": "' + b"x" * 988 + b'"}'


def rows(*, brief: bool) -> list[Row]:
    """Invoke, and the cheapest call there is."""
    runs = 300 if brief else 2000
    port = free_port()
    with tempfile.TemporaryDirectory() as name, Running(Path(name), CONFIG.format(port=port, code=FUNCTIONS)) as house:
        house.serve()
        key, secret = KeyStore(house.state).create("bench", ["admin"], None, time.time())
        url = f"http://127.0.0.1:{port}"
        with bare(server=LISTENER) as (address, _):
            ours, nobody = (_client("lambda", at, key.id, secret) for at in (url, f"http://{address}"))
            found = [_invoke(house, lambda: _asked(ours), lambda: _asked(nobody), runs)]
        identity = _client("sts", url, key.id, secret).get_caller_identity
        found.append(_identity(house, identity, runs))
        house.stop()
    return found


def _client(service: str, url: str, key: str, secret: str) -> Any:
    settings = Config(retries={"total_max_attempts": 1})
    return boto3.client(service, "us-east-1", endpoint_url=url, aws_access_key_id=key, aws_secret_access_key=secret, config=settings)


def _asked(client: Any) -> None:
    assert client.invoke(FunctionName="echo", Payload=EVENT)["Payload"].read()


def _times(call: Callable[[], Any], runs: int) -> list[float]:
    """Milliseconds of each, sorted, after a warm-up."""
    for _ in range(20):
        call()
    found = []
    for _ in range(runs):
        began = time.perf_counter()
        call()
        found.append((time.perf_counter() - began) * 1000)
    return sorted(found)


def _invoke(house: Running, call: Callable[[], Any], beside: Callable[[], Any], runs: int) -> Row:
    before = cpu_seconds(house.pid)
    ours = _times(call, runs)
    spent = (cpu_seconds(house.pid) - before) / (runs + 20) * 1e6
    p50, p99 = statistics.median(ours), ours[int(len(ours) * 0.99)]
    return Row(
        "Invoke through boto3, 1 kB, warm",
        f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, {spent:.0f} µs of daemon CPU each",
        f"the same call to our listener and nothing behind it: p50 {statistics.median(_times(beside, runs)):.1f} ms",
        (Check("p50 ≤ 5 ms", p50 <= 5),),
        "one boto3 client in a process of its own, one call after another; every request is signed, verified and authorised, every invocation logged",
    )


def _identity(house: Running, call: Callable[[], Any], runs: int) -> Row:
    before = cpu_seconds(house.pid)
    ours = _times(call, runs)
    spent = (cpu_seconds(house.pid) - before) / (runs + 20) * 1e6
    return Row(
        "GetCallerIdentity through boto3",
        f"p50 {statistics.median(ours):.1f} ms, {spent:.0f} µs of daemon CPU each",
        "",
        (),
        "what every call to the endpoint costs at least: listener, signature, protocol, answer",
    )
