"""The platform's log lines."""

import math
import re

from hypothesis import given
from hypothesis import strategies as st

from router.telemetry import logfiles, report
from router.telemetry.report import Report, billed_ms

ID = "8286a188-ba32-4475-8077-530cd35c09a9"
REPORT = re.compile(
    r"^REPORT RequestId: [0-9a-f-]{36}\tDuration: \d+\.\d\d ms\tBilled Duration: \d+ ms\tMemory Size: \d+ MB\tMax Memory Used: \d+ MB"
    r"(\tInit Duration: \d+\.\d\d ms)?(\tStatus: (timeout|error)(\tError Type: \S+)?)?\s*$"
)


def test_a_warm_report_is_awss_recording() -> None:
    line = Report(ID, 2.9, 3, 128, 36).line()
    assert line == f"REPORT RequestId: {ID}\tDuration: 2.90 ms\tBilled Duration: 3 ms\tMemory Size: 128 MB\tMax Memory Used: 36 MB\t"


def test_a_cold_report_ends_with_the_init_duration_and_a_tab() -> None:
    line = Report(ID, 3.01, 4, 128, 36, 110.1).line()
    assert line.endswith("\tMax Memory Used: 36 MB\tInit Duration: 110.10 ms\t")


def test_a_timeout_says_so_and_names_no_error_type() -> None:
    assert Report(ID, 3000, 3000, 128, 37, None, "timeout").line().endswith("\tMax Memory Used: 37 MB\tStatus: timeout")


def test_the_status_follows_the_init_duration() -> None:
    line = Report(ID, 11.48, 12, 128, 10, 5.0, "error", "Runtime.ExitError").line()
    assert line.endswith("\tInit Duration: 5.00 ms\tStatus: error\tError Type: Runtime.ExitError")


@given(
    duration=st.floats(0, 900_000),
    init=st.none() | st.floats(0, 10_000),
    memory=st.integers(128, 10240),
    used=st.integers(0, 10240),
    status=st.sampled_from([("", ""), ("timeout", ""), ("error", "Runtime.ExitError")]),
)
def test_every_report_matches_the_conformance_pattern(duration, init, memory, used, status) -> None:
    assert REPORT.match(Report(ID, duration, billed_ms(duration, init), memory, used, init, *status).line())


@given(duration=st.floats(0, 900_000), init=st.floats(0, 10_000))
def test_billing_rounds_up_and_counts_the_init(duration: float, init: float) -> None:
    assert duration - 1e-5 <= billed_ms(duration, None) < duration + 1
    assert billed_ms(duration, init) >= billed_ms(duration, None)


def test_a_whole_number_of_milliseconds_is_not_rounded_up_by_noise() -> None:
    assert billed_ms(0.1 + 0.2 + 2.7, None) == 3
    assert billed_ms(3000.0, None) == 3000
    assert billed_ms(0.0, None) == math.ceil(0)


@given(
    duration=st.floats(0, 900_000),
    init=st.none() | st.floats(0, 10_000),
    restore=st.none() | st.floats(0, 10_000),
    status=st.sampled_from([("", ""), ("timeout", ""), ("error", 'no "type"')]),
    trace=st.sampled_from(["", "Root=1-2;Parent=3;Sampled=0", "Root=1-2;Parent=3;Sampled=1"]),
)
def test_of_the_plainest_reports_the_lines_are_written_out(duration, init, restore, status, trace) -> None:
    told = Report(ID, duration, billed_ms(duration, init), 128, 36, init, *status, trace=trace, restore_ms=restore)
    plain = init is None and restore is None and not status[0] and "Sampled=1" not in trace
    lines = logfiles.encoded(1.5, report.end(ID)) + logfiles.encoded(1.5, told.line())
    assert logfiles.ended(1.5, told) == (lines if plain else b"")
    assert str(told) == f"{report.end(ID)}\n{told.line()}"


@given(at=st.integers(0, 2**42))
def test_a_start_is_written_out(at: int) -> None:
    assert logfiles.started(at / 1000, report.start(ID)) == logfiles.encoded(at / 1000, report.start(ID))


def test_the_other_lines() -> None:
    assert report.start(ID) == f"START RequestId: {ID} Version: $LATEST"
    assert report.end(ID) == f"END RequestId: {ID}"
    assert report.timed_out(ID, 1, 1712595380.123) == f"2024-04-08T16:56:20.123Z {ID} Task timed out after 1.00 seconds"
    assert report.init_report(10008.53, "init", "timeout") == "INIT_REPORT Init Duration: 10008.53 ms\tPhase: init\tStatus: timeout"
    assert (
        report.init_report(5, "invoke", "error", "Runtime.ExitError")
        == "INIT_REPORT Init Duration: 5.00 ms\tPhase: invoke\tStatus: error\tError Type: Runtime.ExitError"
    )
    assert re.fullmatch(
        r"INIT_START Runtime Version: python:3\.\d+\.v\d+\tRuntime Version ARN: arn:aws:lambda:eu-west-1::runtime:[0-9a-f]{64}",
        report.init_start("eu-west-1", "python:3.11.v2", "3.11.2 (main)").line(),
    )


def test_a_sampled_trace_is_named_under_the_report() -> None:
    trace = "Root=1-5e34a614-10bdb1f6f1fb44f07bc535a1;Parent=07f5f5ab2d1f6f85;Sampled=1"
    told = Report(ID, 2.9, 3, 128, 36)
    assert told._replace(trace=trace).line() == told.line() + (
        "\nXRAY TraceId: 1-5e34a614-10bdb1f6f1fb44f07bc535a1\tSegmentId: 07f5f5ab2d1f6f85\tSampled: true\t"
    )
    assert told._replace(trace=trace.replace("Sampled=1", "Sampled=0")).line() == told.line()


def test_a_restored_report_and_its_lines() -> None:
    told = Report("id", 5.02, 13, 512, 150, restore_ms=7.4).line()
    assert told.endswith("Max Memory Used: 150 MB\tRestore Duration: 7.40 ms\tBilled Restore Duration: 8 ms\t")
    start = report.restore_start(report.init_start("eu-west-1", "python:3.12.v1", "x"))
    assert start.startswith("RESTORE_START Runtime Version: python:3.12.v1\tRuntime Version ARN: arn:aws:lambda:eu-west-1::runtime:")
    assert report.restore_report(407.41, "") == "RESTORE_REPORT Restore Duration: 407.41 ms"
    assert report.restore_report(1, "error", "E") == "RESTORE_REPORT Restore Duration: 1.00 ms\tStatus: error\tError Type: E"
    assert report.init_report(1, "init", "") == "INIT_REPORT Init Duration: 1.00 ms"
