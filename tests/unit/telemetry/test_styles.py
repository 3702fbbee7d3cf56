"""Every look is one line, or a line and its traceback, and cannot steer a terminal."""

import json

from hypothesis import given
from hypothesis import strategies as st

from router.telemetry.styles import coloured, journal, structured, terminal

TEXT = st.text(st.characters(exclude_categories=[]))
FIELDS = st.dictionaries(TEXT, TEXT | st.integers(-(2**63), 2**63) | st.booleans() | st.lists(TEXT), max_size=5)


@given(fields=FIELDS)
def test_json_is_one_line_and_holds_everything(fields: dict[str, object]) -> None:
    fields.pop("time", None)
    line = structured(fields, 0.0)
    assert line.count(b"\n") == 1
    assert json.loads(line) == {"time": "1970-01-01T00:00:00.000Z", **fields}


@given(fields=FIELDS, level=st.sampled_from(["debug", "info", "warning", "error", "critical"]))
def test_the_journals_line_is_a_priority_and_json(fields: dict[str, object], level: str) -> None:
    line = journal({**fields, "level": level}, 0.0)
    assert line[:3] == {"debug": b"<7>", "info": b"<6>", "warning": b"<4>", "error": b"<3>", "critical": b"<2>"}[level]
    assert json.loads(line[3:]) == {**fields, "level": level}
    assert line.count(b"\n") == 1


@given(fields=FIELDS, event=TEXT)
def test_nothing_steers_the_terminal(fields: dict[str, object], event: str) -> None:
    line = terminal({**fields, "event": event, "exception": "Traceback\n  \x1b[2J"}, 0.0).decode()
    assert line.count("\n") == 3
    assert all(letter.isprintable() for letter in line.replace("\n", ""))


def test_values_are_quoted_when_they_have_spaces() -> None:
    fields = {
        "level": "info",
        "logger": "router.x",
        "event": "done",
        "a": "two words",
        "b": "one",
        "c": 'q"',
        "d": "",
        "e": [1, 2],
        "f": None,
        "g": 1.5,
        "h": ["127.0.0.1:8080", "a b"],
        "i": "[]",
    }
    text = terminal(fields, 0.0).decode()
    assert text[8:] == ' info    done a="two words" b=one c="q\\"" d="" e=[1,2] f=null g=1.5 h=["127.0.0.1:8080","a b"] i=[]\n'
    assert "router.x" not in text
    assert "\x1b[32m" in coloured(fields, 0.0).decode()
