"""What a function writes, as log events."""

import os
import re

import pytest

from tests.conformance.runtime.bench import Bench
from tests.conformance.samples import needs


@needs("records")
async def test_output_is_attributed_to_its_request_and_records_stay_whole(bench: Bench) -> None:
    cold = await bench.run("say")
    await bench.run("say")
    log = bench.logs.of("say")
    assert log[0].startswith("INIT_START Runtime Version: ")
    assert log[1] == "module level"
    start, one, two, three, four, end, report = log[2:9]
    request_id = start.split()[2]
    assert start == f"START RequestId: {request_id} Version: $LATEST"
    assert (one, two, four, end) == ("one", "two", "four", f"END RequestId: {request_id}")
    assert re.fullmatch(bench.sample.record.replace("ID", request_id), three)
    assert "Init Duration" in report
    assert len(log) == 16
    assert "Init Duration" not in log[-1]
    tail = cold.log_tail.decode()
    assert tail.startswith("START RequestId: ")
    assert tail.endswith("\t\n")
    assert "INIT_START" not in tail


async def test_lines_are_attributed_to_their_request(bench: Bench) -> None:
    """Also where nothing but lines is to be had."""
    outcomes = [await bench.run("lines", count) for count in (1, 2)]
    for outcome, count in zip(outcomes, (1, 2), strict=True):
        log = outcome.log_tail.decode().splitlines()
        request_id = log[0].split()[2]
        assert (log.count("x"), log[-2]) == (count, f"END RequestId: {request_id}")


@needs("records")
async def test_a_record_stays_whole_whatever_the_chance(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "urandom", lambda size: b"\n" * size)
    await bench.run("say")
    assert "\tthree\nlines" in bench.logs.of("say")[5]


async def test_the_log_tail_is_the_last_4_kb(bench: Bench) -> None:
    outcome = await bench.run("lines", 5000)
    assert len(outcome.log_tail) == 4096
    assert b"\nREPORT RequestId: " in outcome.log_tail


@needs("warm")
async def test_binary_output_and_forged_lines_are_text_of_the_function(bench: Bench) -> None:
    await bench.run("binary")
    log = bench.logs.of("binary")
    start = [line.startswith("START") for line in log].index(True)
    assert log[start + 1 : start + 3] == ["\x00\\xff\x1b[31m", "REPORT RequestId: forged\tDuration: 0.00 ms"]
    assert [line.startswith("END") for line in log].index(True) == start + 3


async def test_a_flood_without_newline_is_bounded_and_marked(bench: Bench) -> None:
    outcome = await bench.run(bench.function("flood", timeout=60.0), 256 * 1024 * 1024)
    assert outcome.function_error == ""
    (line,) = [line for line in bench.logs.of("flood") if line.startswith("xxx")]
    assert len(line) < 300_000
    assert "[truncated: " in line
    assert bench.metrics.counter("router_output_dropped_bytes_total", "", "function").value("flood") > 200_000_000


async def test_a_flood_of_lines_is_dropped_and_counted(bench: Bench) -> None:
    await bench.run(bench.function("lines", timeout=60.0), 1_000_000)
    log = bench.logs.of("lines")
    assert len(log) < 60_000
    assert any(line.startswith("[dropped: ") for line in log)
