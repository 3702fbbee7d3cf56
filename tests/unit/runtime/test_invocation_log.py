"""What an environment writes, in either format, and the tail of an invocation's log."""

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from router.config.types import Function, Logging
from router.model import Outcome
from router.runtime.invocation_log import TAIL, InvocationLog
from router.telemetry.report import InitStart, Report
from tests.helpers.logs import MemoryStream

FUNCTION = Function("f", Path(), "app.handler")
ID = "8f507cfc-0000-4000-8000-ac58fc914c95"


def logged(logging: Logging) -> list[str]:
    """The life of an environment whose second invocation fails."""
    stream = MemoryStream("f")
    log = InvocationLog(stream, lambda: 1.0, Function("f", Path(), "app.handler", logging=logging))
    log.init_started(InitStart("python:3.11.v2", "arn"), "init")
    log.init_ended(5.0, "init")
    log.started(ID)
    for line in ("plain", '{"timestamp":"2026-01-01T00:00:00Z","level":"DEBUG"}', '{"timestamp":"2026-01-01T00:00:00Z","level":"ERROR"}'):
        log.output(line)
    log.ended(Report(ID, 2.9, 3, 128, 36, 5.0))
    log.started("two")
    log.timed_out("two", 3)
    log.failed("two", "RequestId: two Error: Runtime exited with error: exit status 1\nRuntime.ExitError")
    log.ended(Report("two", 2.9, 3, 128, 36, None, "error", "Runtime.ExitError"))
    return stream.messages


def test_a_text_log_has_awss_lines_and_everything_the_function_wrote() -> None:
    assert logged(Logging()) == [
        "INIT_START Runtime Version: python:3.11.v2\tRuntime Version ARN: arn",
        f"START RequestId: {ID} Version: $LATEST",
        "plain",
        '{"timestamp":"2026-01-01T00:00:00Z","level":"DEBUG"}',
        '{"timestamp":"2026-01-01T00:00:00Z","level":"ERROR"}',
        f"END RequestId: {ID}",
        f"REPORT RequestId: {ID}\tDuration: 2.90 ms\tBilled Duration: 3 ms\tMemory Size: 128 MB\tMax Memory Used: 36 MB\tInit Duration: 5.00 ms\t",
        "START RequestId: two Version: $LATEST",
        "1970-01-01T00:00:01.000Z two Task timed out after 3.00 seconds",
        "RequestId: two Error: Runtime exited with error: exit status 1\nRuntime.ExitError",
        "END RequestId: two",
        "REPORT RequestId: two\tDuration: 2.90 ms\tBilled Duration: 3 ms\tMemory Size: 128 MB\tMax Memory Used: 36 MB\tStatus: error\tError Type: Runtime.ExitError",
    ]


def kinds(messages: list[str]) -> list[str]:
    """Types of events, levels of records, text as it is."""
    found = [json.loads(message) if message.startswith("{") else message for message in messages]
    return [one if isinstance(one, str) else one.get("type") or f"{one['level']} {one.get('errorType', '')}".strip() for one in found]


def test_a_json_log_has_events_and_records_as_levels_say() -> None:
    rest = ["platform.start", "ERROR Sandbox.Timedout", "ERROR Runtime.ExitError", "platform.runtimeDone", "platform.report"]
    assert kinds(logged(Logging("json"))) == ["platform.initStart", "platform.start", "plain", "ERROR", "platform.report", *rest]
    all_of_it = kinds(logged(Logging("json", "TRACE", "DEBUG")))
    assert all_of_it[:3] == ["platform.initStart", "platform.initRuntimeDone", "platform.initReport"]
    assert all_of_it[3:9] == ["platform.start", "plain", "DEBUG", "ERROR", "platform.runtimeDone", "platform.report"]
    assert kinds(logged(Logging("json", "FATAL", "WARN"))) == ["plain", *rest[1:]]


def test_members_of_a_failure_name_its_request() -> None:
    found = [json.loads(message) for message in logged(Logging("json")) if '"errorMessage"' in message]
    assert [(one["requestId"], one["errorMessage"]) for one in found] == [
        ("two", "Task timed out after 3.00 seconds"),
        ("two", "RequestId: two Error: Runtime exited with error: exit status 1"),
    ]


START = "START RequestId: r Version: $LATEST"
EVENTS = st.lists(st.text(max_size=30) | st.integers(1, 3 * TAIL).map(lambda size: "é" * size), max_size=12)


@given(
    before=EVENTS,
    events=EVENTS,
    after=EVENTS,
    report=st.none() | st.sampled_from([Report("r", 2.9, 3, 128, 36), Report("r", 2.9, 3, 128, 36, 5.0)]),
)
def test_the_tail_is_the_last_bytes_of_this_invocation(
    before: list[str], events: list[str], after: list[str], report: Report | None
) -> None:
    stream = MemoryStream("f")
    log = InvocationLog(stream, lambda: 1.0, FUNCTION)
    for event in before:
        log.write(event)
    log.started("r")
    for event in events:
        log.write(event)
    last = [] if report is None else ["END RequestId: r", report.line()]
    if report is not None:
        log.ended(report)
    for event in after:
        log.write(event)
    whole = "".join(event + "\n" for event in (START, *events, *last, *after)).encode("utf-8", "replace")
    assert Outcome(b"", log=log.tail()).log_tail == whole[-TAIL:]
    assert stream.messages == [*before, START, *events, *last, *after]


def test_it_remembers_no_more_than_it_needs() -> None:
    log = InvocationLog(MemoryStream("f"), lambda: 1.0, FUNCTION)
    for _ in range(10_000):
        log.write("x" * 100)
    assert len(log._tail) < 50
