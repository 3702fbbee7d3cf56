"""Whole invocations or nothing, against an oracle that sees everything at once."""

import json
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from router.telemetry.selection import Selection, Verdict


@dataclass(frozen=True, slots=True)
class Run:
    """One invocation as the oracle sees it."""

    request_id: str
    failed: bool
    events: tuple[str, ...]


AT = "2026-01-01T00:00:00.000Z"


def event(kind: str, **record: str) -> str:
    """A platform event of a JSON log."""
    return json.dumps({"time": AT, "type": f"platform.{kind}", "record": record}, separators=(",", ":"))


def record(**members: object) -> str:
    """A record of a logger in a JSON log."""
    return json.dumps({"timestamp": AT, "level": "ERROR", **members}, separators=(",", ":"))


BAD = (
    record(errorMessage="no", errorType="ValueError", requestId="r", stackTrace=[]),
    record(requestId="r", message={"errorType": "Error", "errorMessage": "no", "stackTrace": []}),
    "2026-01-01T00:00:00.000Z\tr\tERROR\tInvoke Error \t{}",
    "[ERROR] ValueError: no\nTraceback",
    "RequestId: r Error: Runtime exited with error: exit status 1",
    "2026-01-01T00:00:00.000Z r Task timed out after 1.00 seconds",
)
GOOD = (
    record(message="by hand", logger="root", errorType="ValueError", errorMessage="no"),
    record(message="by hand", requestId="r"),
    event("initStart", phase="invoke"),
    event("runtimeDone", requestId="r", status="success"),
    '{"time":"torn',
    '{"timestamp":[]}',
    "2026-01-01T00:00:00.000Z\tr\tERROR\tby hand",
    "plain",
    "",
    "[ERROR]\t2026-01-01T00:00:00.000Z\tr\tby hand",
    "END RequestId: other",
    "error",
    "[INFO]\tx",
)


@st.composite
def runs(draw: st.DrawFn) -> Run:
    request_id = draw(st.sampled_from(["a", "b", "c"]))
    lines = draw(st.lists(st.sampled_from(GOOD + BAD), max_size=4))
    status = draw(st.sampled_from(["", "Status: timeout", "Status: error\tError Type: Runtime.ExitError"]))
    init = draw(
        st.sampled_from(
            [
                (),
                ("INIT_START Runtime Version: python:3.11",),
                ("RESTORE_START Runtime Version: python:3.11",),
                ("INIT_START x", "INIT_REPORT Init Duration: 1.00 ms\tPhase: init\tStatus: error"),
                ("RESTORE_START x", "RESTORE_REPORT Restore Duration: 1.00 ms\tStatus: timeout"),
            ]
        )
    )
    if draw(st.booleans()):
        return in_json(request_id, lines, status, len(init), draw(st.sampled_from(["init", "restore"])))
    events = (
        *init,
        f"START RequestId: {request_id} Version: $LATEST",
        *lines,
        f"END RequestId: {request_id}",
        f"REPORT RequestId: {request_id}\tDuration: 1.00 ms\t{status}",
    )
    return Run(request_id, bool(status) or len(init) == 2 or any(line in BAD for line in lines), events)


def in_json(request_id: str, lines: list[str], status: str, init: int, word: str) -> Run:
    """The same in a JSON log. *init*: 0 for a warm one, 1 with an init (or a restore, as *word* says), 2 with one that failed."""
    told = {"": "success", "Status: timeout": "timeout"}.get(status, "error")
    begin = (event(f"{word}Start", phase="init"), event(f"{word}Report", phase="init", status="error"))[:init]
    end = (event("runtimeDone", requestId=request_id, status=told), event("report", requestId=request_id, status=told))
    events = (*begin, event("start", requestId=request_id, version="$LATEST"), *lines, *end)
    return Run(request_id, bool(status) or init == 2 or any(line in BAD for line in lines), events)


def shown(selection: Selection, events: list[str]) -> list[str]:
    """What a reader shows that obeys the verdicts."""
    found: list[str] = []
    held: list[str] = []
    for event in events:
        match selection.feed(event):
            case Verdict.KEEP:
                found += [*held, event]
                held = []
            case Verdict.HOLD:
                held.append(event)
            case Verdict.BEGIN:
                held = [event]
            case Verdict.DROP:
                held = []
    return found


@given(told=st.lists(runs() | st.sampled_from(GOOD), max_size=8), request_id=st.sampled_from(["", "a", "zz"]), failed=st.booleans())
def test_wanted_invocations_are_shown_whole_and_nothing_else(told: list[Run | str], request_id: str, failed: bool) -> None:
    events = [event for one in told for event in (one.events if isinstance(one, Run) else [one])]
    if not request_id and not failed:
        assert shown(Selection(), events) == events
        return
    wanted = [one for one in told if isinstance(one, Run) and request_id in {"", one.request_id} and (one.failed or not failed)]
    assert shown(Selection(request_id=request_id, failed=failed), events) == [event for run in wanted for event in run.events]


@given(
    events=st.lists(st.text() | st.sampled_from(["START RequestId: a", "REPORT RequestId: a", "INIT_START x", *BAD])), failed=st.booleans()
)
def test_any_stream_has_verdicts_and_keeps_its_order(events: list[str], failed: bool) -> None:
    found = iter(events)
    assert all(event in found for event in shown(Selection(request_id="a", failed=failed), events))
