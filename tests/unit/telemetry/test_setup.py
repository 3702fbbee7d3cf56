"""The daemon's own log: its three looks, what it hides, and that it never holds anybody up."""

import io
import json
import logging
import os
import re
import threading
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from structlog.contextvars import bound_contextvars

from router.telemetry import setup, styles
from router.telemetry.direct import Telling
from router.telemetry.setup import DirectLog, configure, shutdown


@pytest.fixture(autouse=True)
def _undone() -> Iterator[None]:
    """Leave structlog and logging as they were."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    shutdown()
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


class Terminal(io.BytesIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def lines(stream: io.BytesIO) -> list[str]:
    """What was written, once the writer's thread is done."""
    shutdown()
    return stream.getvalue().decode().splitlines()


def logged(stream: io.BytesIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines(stream)]


def test_a_line_is_json_with_time_level_logger_event_first() -> None:
    stream = io.BytesIO()
    configure(stream=stream, environ={})
    structlog.get_logger("router.test_one").info("invocation_finished", duration_ms=12.4, outcome="ok")
    (line,) = lines(stream)
    assert re.match(
        r'\{"time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z","level":"info","logger":"router.test_one","event":"invocation_finished",', line
    )
    assert json.loads(line)["duration_ms"] == 12.4


def test_bound_context_is_in_every_line() -> None:
    stream = io.BytesIO()
    configure(stream=stream, environ={})
    with bound_contextvars(function="resize", request_id="r-1"):
        structlog.get_logger("router.test_two").warning("retried")
    structlog.get_logger("router.test_two").warning("other")
    first, second = logged(stream)
    assert (first["function"], first["request_id"], first["level"]) == ("resize", "r-1", "warning")
    assert "function" not in second


def test_the_level_filters_and_comes_from_the_environment_when_not_given() -> None:
    stream = io.BytesIO()
    configure(stream=stream, environ={"ROUTER_LOG_LEVEL": "WARNING"})
    structlog.get_logger("router.test_three").info("unseen")
    structlog.get_logger("router.test_three").error("seen")
    assert [line["event"] for line in logged(stream)] == ["seen"]
    stream = io.BytesIO()
    configure("debug", stream, environ={"ROUTER_LOG_LEVEL": "error"})
    structlog.get_logger("router.test_four").debug("seen")
    assert [line["event"] for line in logged(stream)] == ["seen"]


TELLING = Telling(lambda facts: facts[0], lambda facts: orjson.dumps(facts[0])[1:-1].decode())
"""What a direct line tells: its one fact, the fields."""


@pytest.mark.parametrize("look", ["json", "journal", "terminal", "coloured"])
@given(
    source=st.text(),
    number=st.floats(allow_nan=False, allow_infinity=False),
    secret=st.sampled_from(["", "hunter2-hunter2", "invocation"]),
    at=st.floats(0, 4e9),
)
def test_a_direct_line_is_the_one_that_structlog_writes(look: str, source: str, number: float, secret: str, at: float) -> None:
    fields: dict[str, Any] = {"function": "resize", "source": f"{source} hunter2-hunter2", "outcome": "ok", "duration_ms": number}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(setup.time, "time", lambda: at)
        patch.setattr(setup, "style_of", lambda *_: getattr(styles, "structured" if look == "json" else look))
        stream = io.BytesIO()
        configure(stream=stream, environ={}, secrets=[secret] if secret else [])
        structlog.get_logger("router.test_direct").info("invocation_finished", **fields)
        DirectLog("router.test_direct", "invocation_finished", TELLING).info((fields,))
        shutdown()
    first, second = re.split(rb"(?<=\n)(?=.)", stream.getvalue())
    assert first == second


def test_a_secret_is_hidden_in_the_next_direct_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setup.time, "time", lambda: 1.0)  # all within one millisecond
    stream = io.BytesIO()
    configure(stream=stream, environ={})
    line = DirectLog("router.test_direct", "seen", TELLING)
    line.info(({"source": "hunter2-hunter2"},))
    setup.hide(["hunter2-hunter2"])
    line.info(({"source": "hunter2-hunter2"},))
    shutdown()
    assert [json.loads(line)["source"] for line in stream.getvalue().splitlines()] == ["hunter2-hunter2", "[redacted]"]


def test_a_direct_line_goes_by_the_level_and_the_writer() -> None:
    stream = io.BytesIO()
    writer = configure("warning", stream, environ={})
    DirectLog("router.test_direct", "unseen", TELLING).info(({"number": 0},))
    assert lines(stream) == []
    writer = configure("info", stream, environ={})
    for number in range(3):
        DirectLog("router.test_direct", "seen", TELLING).info(({"number": number},))
    shutdown()
    assert writer.waiting == 0
    assert [json.loads(line)["number"] for line in stream.getvalue().splitlines()] == [0, 1, 2]
    writer.close()
    DirectLog("router.test_direct", "dropped", TELLING).info(({"number": 3},))
    assert writer.dropped == 1


def test_an_unknown_level_is_said() -> None:
    stream = io.BytesIO()
    configure(stream=stream, environ={"ROUTER_LOG_LEVEL": "loud"})
    (line,) = logged(stream)
    assert (line["event"], line["wanted"], line["used"]) == ("log_level_unknown", "loud", "info")


def test_configuring_again_moves_loggers_that_were_used() -> None:
    first, second = io.BytesIO(), io.BytesIO()
    log = structlog.get_logger("router.test_five")
    configure(stream=first, environ={})
    log.info("one")
    configure(stream=second, environ={})
    log.info("two")
    assert [line["event"] for line in logged(second)] == ["two"]
    assert b"one" in first.getvalue()
    assert b"two" not in first.getvalue()


def test_an_exception_is_one_line_with_its_traceback() -> None:
    stream = io.BytesIO()
    configure(stream=stream, environ={})
    try:
        raise ValueError("broken")
    except ValueError:
        structlog.get_logger("router.test_six").exception("attempt_failed")
    (line,) = logged(stream)
    assert line["level"] == "error"
    assert line["exception"].endswith("ValueError: broken")


def test_secrets_are_hidden_by_key_by_value_and_in_tracebacks() -> None:
    stream = io.BytesIO()
    configure(stream=stream, environ={}, secrets=["hunter2-hunter2"])
    log = structlog.get_logger("router.test_seven")
    log.info("request_refused", headers={"Authorization": "Bearer abc", "Host": "x"}, reason="bad hunter2-hunter2 given")
    try:
        raise ValueError("no hunter2-hunter2 here")
    except ValueError:
        log.exception("failed")
    logging.getLogger("library").warning("sent %s", "hunter2-hunter2")
    shutdown()
    text = stream.getvalue().decode()
    assert "hunter2" not in text
    assert "Bearer" not in text
    assert '"Host":"x"' in text
    assert text.count("[redacted]") >= 4


def test_libraries_logging_goes_the_same_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])  # pytest's own, which raise what a handler should swallow
    stream = io.BytesIO()
    configure(stream=stream, environ={})
    logging.getLogger("some.library").warning("%d of %d", 1, 2)
    logging.getLogger("some.library").debug("unseen")
    logging.getLogger("apscheduler.executors").info("unseen too")
    logging.getLogger("apscheduler.executors").warning("seen")
    logging.getLogger("some.library").warning("%d", "no number")
    found = [(line["logger"], line["level"], line["event"]) for line in logged(stream)]
    assert found == [("some.library", "warning", "1 of 2"), ("apscheduler.executors", "warning", "seen"), ("some.library", "warning", "%d")]


def test_configuring_twice_does_not_double_lines() -> None:
    stream = io.BytesIO()
    configure(stream=io.BytesIO(), environ={})
    configure(stream=stream, environ={})
    logging.getLogger("some.library").warning("once")
    assert len(lines(stream)) == 1


@pytest.mark.parametrize(
    ("environ", "colour"), [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)]
)
def test_a_terminal_gets_short_lines(environ: dict[str, str], colour: bool) -> None:
    stream = Terminal()
    configure(stream=stream, environ=environ)
    structlog.get_logger("router.test_eight").info("daemon_started", pid=7)
    (line,) = lines(stream)
    assert ("\x1b[" in line) is colour
    assert re.match(r"\d\d:\d\d:\d\d info    daemon_started pid=7$", re.sub(r"\x1b\[[0-9;]*m", "", line))


def test_the_journal_gets_priorities_and_no_time(tmp_path) -> None:
    with (tmp_path / "socket").open("w+b") as file:
        status = os.fstat(file.fileno())
        configure(stream=file, environ={"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"})
        structlog.get_logger("router.test_nine").warning("retried", attempt=2)
        structlog.get_logger("router.test_nine").error("failed")
        shutdown()
        file.seek(0)
        first, second = file.read().decode().splitlines()
    assert first == '<4>{"level":"warning","logger":"router.test_nine","event":"retried","attempt":2}'
    assert second.startswith("<3>{")


def test_another_processs_journal_is_not_ours(tmp_path) -> None:
    with (tmp_path / "file").open("w+b") as file:
        assert setup.style_of(file, {"JOURNAL_STREAM": "1:2"}) is setup.styles.structured


def test_a_blocked_pipe_holds_nobody_up_and_the_loss_is_told() -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb", buffering=0) as stream, os.fdopen(reading, "rb", buffering=0) as reader:
        writer = configure(stream=stream, environ={})
        log = structlog.get_logger("router.test_ten")
        for number in range(1000):  # 10 MB, of which a pipe takes 64 KB
            log.info("flood", number=number, filler="x" * 10_000)
        assert writer.dropped > 100
        found = bytearray()
        draining = threading.Thread(target=lambda: found.extend(iter_all(reader)))
        draining.start()
        while writer.waiting:
            pass
        log.info("after")
        shutdown()
        stream.close()
        draining.join()
    events = [json.loads(line) for line in found.decode().splitlines()]
    assert [event["event"] for event in events[-2:]] == ["log_lines_dropped", "after"]
    assert events[-2]["count"] == writer.dropped
    assert len(events) == 1000 - writer.dropped + 2


def iter_all(reader: io.RawIOBase) -> bytes:
    return b"".join(iter(lambda: reader.read(65536), b""))


def test_a_closed_stream_stops_nobody() -> None:
    stream = io.BytesIO()
    writer = configure(stream=stream, environ={})
    stream.close()
    structlog.get_logger("router.test_eleven").info("into_the_void")
    shutdown()
    assert writer.dropped == 1


def test_a_non_blocking_descriptor_gets_whole_lines() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with os.fdopen(writing, "wb", buffering=0) as stream, os.fdopen(reading, "rb", buffering=0) as reader:
        configure(stream=stream, environ={})
        found = bytearray()
        draining = threading.Thread(target=lambda: found.extend(iter_all(reader)))
        for number in range(50):
            structlog.get_logger("router.test_twelve").info("big", number=number, filler="x" * 10_000)
        draining.start()
        shutdown()
        stream.close()
        draining.join()
    assert [json.loads(line)["number"] for line in found.decode().splitlines()] == list(range(50))
