"""Platform events: members and levels as documented, and one line of JSON whatever is in them."""

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from router.config.types import Function
from router.telemetry import platform, report
from router.telemetry.levels import Level
from router.telemetry.report import Report

FUNCTION = Function("f", Path(), "app.handler", memory=256, version="7")
ID = "6d68ca91-49c9-448d-89b8-7ca3e6dc66aa"


def test_the_documented_report() -> None:
    """Lambda developer guide, "Lambda Telemetry API Event schema reference", platform.report."""
    event = platform.reported(Report(ID, 693.92, 694, 128, 84, 397.68))
    assert event.level is Level.INFO
    assert event.spelled(1665532875.0) == {
        "time": "2022-10-12T00:01:15.000Z",
        "type": "platform.report",
        "record": {
            "requestId": ID,
            "status": "success",
            "metrics": {
                "durationMs": 693.92,
                "billedDurationMs": 694,
                "memorySizeMB": 128,
                "maxMemoryUsedMB": 84,
                "initDurationMs": 397.68,
            },
        },
    }


def test_a_warm_report_tells_of_no_init() -> None:
    assert "initDurationMs" not in platform.reported(Report(ID, 1.0, 1, 128, 84)).record["metrics"]


def test_what_failed_is_a_warning_and_says_why() -> None:
    told = Report(ID, 1.0, 1, 128, 84, None, "error", "Runtime.ExitError", 5)
    for event in (platform.runtime_done(told), platform.reported(told)):
        assert event.level is Level.WARN
        assert (event.record["status"], event.record["errorType"]) == ("error", "Runtime.ExitError")
    late = platform.runtime_done(told._replace(status="timeout", error_type=""))
    assert (late.record["status"], "errorType" in late.record) == ("timeout", False)


def test_successes_of_runtimes_are_for_who_looks_closely() -> None:
    told = Report(ID, 12.3456, 13, 128, 84, produced=20)
    assert platform.runtime_done(told).level is Level.DEBUG
    assert platform.runtime_done(told).record["metrics"] == {"durationMs": 12.346, "producedBytes": 20}
    assert platform.init_runtime_done("init", "").level is Level.DEBUG
    assert platform.init_report(5.0, "init", "").level is Level.DEBUG
    assert platform.init_report(5.0, "init", "", "", "provisioned-concurrency").level is Level.INFO
    assert platform.init_report(5.0, "init", "error", "Runtime.Unknown").level is Level.WARN


def test_text_logs_have_the_lines_that_they_always_had() -> None:
    told = report.init_start("eu-west-1", "python:3.11.v2", "x")
    assert platform.init_start(told, FUNCTION, "i", "init").text == told.line()
    assert platform.init_start(told, FUNCTION, "i", "invoke").text == ""
    assert platform.init_report(1.0, "init", "").text == ""
    assert platform.init_report(1.0, "init", "timeout", "Sandbox.Timedout").text == report.init_report(1.0, "init", "timeout")
    assert platform.extension("x", "Ready", ["INVOKE", "SHUTDOWN"]).text == "EXTENSION\tName: x\tState: Ready\tEvents: [INVOKE, SHUTDOWN]"
    assert (
        platform.telemetry_subscription("x", "Subscribed", ["platform"]).text == "TELEMETRY\tName: x\tState: Subscribed\tTypes: [Platform]"
    )


def test_the_init_of_an_environment() -> None:
    record = platform.init_start(report.InitStart("python:3.11.v2", "arn"), FUNCTION, "i", "init", "snap-start").record
    assert record["initializationType"] == "snap-start"
    assert (record["phase"], record["functionName"], record["functionVersion"]) == ("init", "f", "7")
    assert (record["runtimeVersion"], record["runtimeVersionArn"], record["instanceId"], record["instanceMaxMemory"]) == (
        "python:3.11.v2",
        "arn",
        "i",
        256,
    )


@given(message=st.text(), error_type=st.text())
def test_any_text_is_one_line_of_json(message: str, error_type: str) -> None:
    line = platform.fault(ID, message, error_type, 1.0)
    assert "\n" not in line
    found = json.loads(line)
    assert (found["errorMessage"], found["errorType"], found["level"]) == (message, error_type, "ERROR")


def test_a_sampled_trace_is_a_member() -> None:
    trace = "Root=1-5e34a614-10bdb1f6f1fb44f07bc535a1;Parent=07f5f5ab2d1f6f85;Sampled=1"
    expected = {"spanId": "07f5f5ab2d1f6f85", "type": "X-Amzn-Trace-Id", "value": trace}
    assert platform.start(ID, "$LATEST", trace).record["tracing"] == expected
    assert platform.reported(Report(ID, 1.0, 1, 128, 84, trace=trace)).record["tracing"] == expected
    assert "tracing" not in platform.start(ID, "$LATEST", trace.replace("Sampled=1", "Sampled=0")).record


def test_the_restore_of_a_snapshot() -> None:
    start = platform.restore_start(report.init_start("eu-west-1", "python:3.12.v1", "x"), Function("f", Path("/f"), "a.b"), "instance")
    assert (start.type, start.level, start.record["functionName"], start.record["instanceId"]) == (
        "restoreStart",
        Level.INFO,
        "f",
        "instance",
    )
    done = platform.restore_runtime_done("", "")
    assert (done.type, done.level, done.record, done.text) == ("restoreRuntimeDone", Level.DEBUG, {"status": "success"}, "")
    failed = platform.restore_report(1.23456, "error", "E")
    assert failed.record == {"status": "error", "errorType": "E", "metrics": {"durationMs": 1.235}}
    assert failed.level is Level.WARN
    metrics = platform.reported(Report("id", 1.0, 6, 128, 30, restore_ms=4.2)).record["metrics"]
    assert (metrics["restoreDurationMs"], metrics["billedRestoreDurationMs"]) == (4.2, 5)
    assert platform.init_report(1.0, "init", "", "", "snap-start").text.startswith("INIT_REPORT Init Duration")
