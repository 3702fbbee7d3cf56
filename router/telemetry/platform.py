"""What the platform tells of environments and invocations, as events. Pure: facts in, events out.

An event is a line in a text log (report.py), an object in a JSON log, and what subscribers of the Telemetry API get. Members,
statuses and levels: Lambda developer guide, "Lambda Telemetry API Event schema reference" and "System log level event mapping".
Left out: spans, of which nothing here is measured."""

import json
import math
from collections.abc import Sequence
from typing import Any, Final, Literal, NamedTuple

import orjson

from router import names
from router.config.types import Function
from router.events import tracing
from router.telemetry import report
from router.telemetry.levels import Level
from router.telemetry.report import InitStart, Report

Phase = Literal["init", "invoke"]
Status = Literal["", "error", "timeout"]  # "": success

ON_DEMAND: Final = "on-demand"  # the other initialization types: provisioned-concurrency and
SNAP_START: Final = "snap-start"


class PlatformEvent(NamedTuple):
    """One event, before it has a time."""

    type: str  # without its prefix: "report"
    level: Level
    record: dict[str, Any]
    text: str = ""  # its line in a text log; "" when it has none

    def spelled(self, at: float) -> dict[str, Any]:
        """{"time", "type", "record"}; *at*: epoch seconds."""
        return {"time": names.iso_ms(at), "type": f"platform.{self.type}", "record": self.record}


def encoded(value: Any) -> str:
    """*value* as JSON of one line, whatever text is in it."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # half a surrogate pair
        return json.dumps(value, separators=(",", ":"))


def init_start(told: InitStart, function: Function, instance: str, phase: Phase, initialization: str = ON_DEMAND) -> PlatformEvent:
    """An environment named *instance* begins to initialise."""
    record = {
        "initializationType": initialization,
        "phase": phase,
        "runtimeVersion": told.version,
        "runtimeVersionArn": told.arn,
        "functionName": function.name,
        "functionVersion": function.version,
        "instanceId": instance,
        "instanceMaxMemory": function.memory,
    }
    return PlatformEvent("initStart", Level.INFO, record, told.line() if phase == "init" else "")


def init_runtime_done(phase: Phase, status: Status, error_type: str = "", initialization: str = ON_DEMAND) -> PlatformEvent:
    """The runtime has initialised, or has not."""
    record = {"initializationType": initialization, "phase": phase, **_status(status, error_type)}
    return PlatformEvent("initRuntimeDone", _level(status, Level.DEBUG), record)


def init_report(init_ms: float, phase: Phase, status: Status, error_type: str = "", initialization: str = ON_DEMAND) -> PlatformEvent:
    """The end of initialising."""
    record = {
        "initializationType": initialization,
        "phase": phase,
        **_status(status, error_type),
        "metrics": {"durationMs": round(init_ms, 3)},
    }
    told = bool(status) or initialization == SNAP_START  # whose init no REPORT tells of
    text = report.init_report(init_ms, phase, status, error_type if status == "error" else "") if told else ""
    return PlatformEvent("initReport", _level(status, Level.DEBUG if initialization == ON_DEMAND else Level.INFO), record, text)


def restore_start(told: InitStart, function: Function, instance: str) -> PlatformEvent:
    """An environment named *instance* begins as a copy of a snapshot."""
    record = {
        "runtimeVersion": told.version,
        "runtimeVersionArn": told.arn,
        "functionName": function.name,
        "functionVersion": function.version,
        "instanceId": instance,
        "instanceMaxMemory": function.memory,
    }
    return PlatformEvent("restoreStart", Level.INFO, record, report.restore_start(told))


def restore_runtime_done(status: Status, error_type: str = "") -> PlatformEvent:
    """The runtime goes on in it, or does not."""
    return PlatformEvent("restoreRuntimeDone", _level(status, Level.DEBUG), _status(status, error_type))


def restore_report(restore_ms: float, status: Status, error_type: str = "") -> PlatformEvent:
    """The end of restoring."""
    record = {**_status(status, error_type), "metrics": {"durationMs": round(restore_ms, 3)}}
    text = report.restore_report(restore_ms, status, error_type if status == "error" else "")
    return PlatformEvent("restoreReport", _level(status, Level.INFO), record, text)


def start(request_id: str, version: str, trace: str = "") -> PlatformEvent:
    """An invocation of *version* starts."""
    record = {"requestId": request_id, "version": version, **_tracing(trace)}
    return PlatformEvent("start", Level.INFO, record, report.start(request_id, version))


def runtime_done(told: Report) -> PlatformEvent:
    """The runtime has answered, or never will. In a text log this is the invocation's END."""
    record = {
        "requestId": told.request_id,
        **_status(told.status, told.error_type),
        "metrics": {"durationMs": round(told.duration_ms, 3), "producedBytes": told.produced},
        **_tracing(told.trace),
    }
    return PlatformEvent("runtimeDone", _level(told.status, Level.DEBUG), record, report.end(told.request_id))


def reported(told: Report) -> PlatformEvent:
    """The figures of an invocation."""
    metrics: dict[str, float] = {
        "durationMs": round(told.duration_ms, 3),
        "billedDurationMs": told.billed_ms,
        "memorySizeMB": told.memory_mb,
        "maxMemoryUsedMB": told.max_memory_mb,
    }
    if told.init_ms is not None:
        metrics["initDurationMs"] = round(told.init_ms, 3)
    if told.restore_ms is not None:
        metrics |= {"restoreDurationMs": round(told.restore_ms, 3), "billedRestoreDurationMs": math.ceil(told.restore_ms)}
    record = {"requestId": told.request_id, **_status(told.status, told.error_type), "metrics": metrics, **_tracing(told.trace)}
    return PlatformEvent("report", _level(told.status, Level.INFO), record, told.line())


def extension(name: str, state: str, events: Sequence[str], error_type: str = "") -> PlatformEvent:
    """An extension registered, or why it could not."""
    record = {"name": name, "state": state, "events": list(events), **({"errorType": error_type} if error_type else {})}
    text = f"EXTENSION\tName: {name}\tState: {state}\tEvents: [{', '.join(events)}]" + (f"\tError Type: {error_type}" if error_type else "")
    return PlatformEvent("extension", Level.WARN if error_type else Level.INFO, record, text)


def telemetry_subscription(name: str, state: str, types: Sequence[str]) -> PlatformEvent:
    """An extension subscribed to telemetry."""
    text = f"TELEMETRY\tName: {name}\tState: {state}\tTypes: [{', '.join(kind.capitalize() for kind in types)}]"
    return PlatformEvent("telemetrySubscription", Level.INFO, {"name": name, "state": state, "types": list(types)}, text)


def logs_dropped(reason: str, records: int, size: int) -> PlatformEvent:
    """*records* events of *size* bytes did not reach a subscriber."""
    return PlatformEvent("logsDropped", Level.WARN, {"reason": reason, "droppedRecords": records, "droppedBytes": size})


def fault(request_id: str, message: str, error_type: str, at: float) -> str:
    """A failure of a process as a record of a JSON log, in the form of runtimes' own; AWS leaves it to the report."""
    said = {"timestamp": names.iso_ms(at), "level": "ERROR", "errorMessage": message, "errorType": error_type, "requestId": request_id}
    return encoded(said)


def _status(status: Status, error_type: str) -> dict[str, str]:
    found: dict[str, str] = {"status": status or "success"}
    return found | {"errorType": error_type} if status == "error" and error_type else found


def _level(status: Status, success: Level) -> Level:
    return Level.WARN if status else success


def _tracing(trace: str) -> dict[str, dict[str, str]]:
    """The member of a sampled trace."""
    if not tracing.sampled(trace):
        return {}
    return {"tracing": {"spanId": tracing.fields(trace).get("Parent", ""), "type": "X-Amzn-Trace-Id", "value": trace}}
