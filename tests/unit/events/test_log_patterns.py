"""Which log events a filter pattern wants."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.events.log_conditions import DEEPEST, BadPattern
from router.events.log_patterns import LogPattern

EVENT = json.dumps(
    {
        "level": "ERROR",
        "latency": 150,
        "code": "5",
        "ok": False,
        "none": None,
        "user": {"name": "John Stiles", "tags": ["a", "b"]},
        "items": [{"id": 1}, {"id": 2}],
        "a.b": "dotted",
    }
)
LINE = '127.0.0.1 Prod frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534'


@pytest.mark.parametrize(
    ("pattern", "message", "wanted"),
    [
        ("", "anything", True),
        ("  ", "", True),
        ("ERROR", "[ERROR] x", True),
        ("ERROR", "[error] x", False),
        ("ERROR ARGUMENTS", "ARGUMENTS and ERROR", True),
        ("ERROR ARGUMENTS", "ERROR", False),
        ('"INTERNAL SERVER ERROR"', "an INTERNAL SERVER ERROR", True),
        ('"INTERNAL SERVER ERROR"', "INTERNAL ERROR SERVER", False),
        (r'"say \"hi\""', 'they say "hi"', True),
        ("?ERROR ?WARN", "WARN x", True),
        ("?ERROR ?WARN", "INFO x", False),
        ("ERROR -EXITING", "ERROR x", True),
        ("ERROR -EXITING", "ERROR EXITING", False),
        ('-"a b"', "a c", True),
        ("?a ?b -c", "b c", False),
        ("START RequestId: 1-2", "START RequestId: 1-2 Version", True),
    ],
)
def test_terms(pattern: str, message: str, wanted: bool) -> None:
    assert LogPattern.of(pattern).matches(message) is wanted


@pytest.mark.parametrize(
    ("pattern", "wanted"),
    [
        ('{ $.level = "ERROR" }', True),
        ("{ $.level = ERROR }", True),
        ('{$.level="ERR*"}', True),
        ('{ $.level != "ERROR" }', False),
        ('{ $.missing != "x" }', False),
        ("{ $.latency > 100 }", True),
        ("{ $.latency >= 150.0 && $.latency <= 1.5e2 }", True),
        ("{ $.latency < 100 || $.level = ERROR }", True),
        ("{ $.latency = 150 }", True),
        ("{ $.code = 5 }", True),
        ('{ $.latency = "150" }', False),
        ("{ $.none IS NULL }", True),
        ("{ $.level IS NULL }", False),
        ("{ $.ok IS FALSE }", True),
        ("{ $.ok IS TRUE }", False),
        ("{ $.missing NOT EXISTS }", True),
        ("{ $.level NOT EXISTS }", False),
        ('{ $.user.name = "John*" }', True),
        ('{ $.user.tags[1] = "b" }', True),
        ('{ $.user.tags[*] = "b" }', True),
        ("{ $.items[*].id = 2 }", True),
        ("{ $.items[2].id = 2 }", False),
        ("{ $.latency = * }", True),
        ('{ $.latency = "*" }', True),  # what the CDK writes for FilterPattern.exists()
        ("{ $.latency = 15* }", True),
        ("{ $.latency = 16* }", False),
        ("{ $.latency != 1* }", False),
        ("{ $.ok = * }", True),
        ("{ $.missing = * }", False),
        ("{ $.none = * }", False),
        ('{ $.user.name = "John?Stiles" }', False),
        ("{ $.['a.b'] = dotted }", True),
        ("{ ($.level = INFO || $.level = ERROR) && $.latency > 1 }", True),
        ("{ $.level = INFO || $.level = ERROR && $.latency > 1000 }", False),
    ],
)
def test_json(pattern: str, wanted: bool) -> None:
    assert LogPattern.of(pattern).matches(EVENT) is wanted
    assert not LogPattern.of(pattern).matches("no JSON")


@pytest.mark.parametrize(
    ("pattern", "wanted"),
    [
        ("[ip, stage, user, timestamp, request, status, bytes]", True),
        ("[ip, stage, user, timestamp, request, status]", False),
        ("[ip, stage, user, timestamp, request = *html*, status = 4*, bytes]", True),
        ("[ip, stage, user, timestamp, request, status = 5*, bytes]", False),
        ("[..., status = 404, bytes > 1000]", True),
        ("[ip = 127*, ..., bytes < 1000]", False),
        ("[ip != 10.0.0.1, ...]", True),
        ("[ip, ..., status = 404 || status = 410, bytes]", True),
        ("[..., status >= 400 && status < 500, bytes]", True),
        ('[ip, stage, user, timestamp = "10/Oct*", ...]', True),
        ("[a, b, c, d, e, f, g, h, ...]", False),
    ],
)
def test_columns(pattern: str, wanted: bool) -> None:
    assert LogPattern.of(pattern).matches(LINE) is wanted


@pytest.mark.parametrize(
    ("pattern", "message", "columns"),
    [
        ("[a, b]", 'x "y z"', {"a": "x", "b": "y z"}),
        ("[a = x*, (b = 1 || b = 2)]", "x1 [2]", {"a": "x1", "b": "2"}),
        ("[a, ..., z]", "1 2 3 4", {"a": "1", "2": "2", "3": "3", "z": "4"}),
        ("[..., z]", "1 2", {"1": "1", "z": "2"}),
        ("[a, ...]", "1", {"a": "1"}),
        ("[...]", "1 2", {"1": "1", "2": "2"}),
        ("[a, ...]", "1 " * 1003, {"a": "1"}),
        ("", "1", None),
        ("?a", "a", None),
        ("{ $.a = 1 }", '{"a": 1}', None),
    ],
)
def test_columns_are_taken_out(pattern: str, message: str, columns: dict[str, str] | None) -> None:
    found = LogPattern.of(pattern)
    assert found.matches(message)
    assert found.extracted(message) == columns


@pytest.mark.parametrize(
    "pattern",
    [
        *(
            '"open',
            "{ $.a",
            "{ }",
            "{ a = b }",
            "{ $.a }",
            "{ $.a = }",
            "{ $.a ~ 5 }",
            "{ $.a > x }",
            "{ ($.a = 1 }",
            "{ $.a = 1 ) }",
            "{ $ = 1 }",
        ),
        *(
            "{ $.a IS 5 }",
            "{ $.a NOT THERE }",
            "{ $.a..b = 1 }",
            "{ $.a = 1 && }",
            "[a",
            "[]",
            "[..., ...]",
            "[a b]",
            "[a = ]",
            "%ERR!R%",
            "{ $.a = %(x)% }",
        ),
        *("x" * 1025, "{ " + "(" * (DEEPEST + 1) + "$.a = 1" + ")" * (DEEPEST + 1) + " }"),
    ],
)
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(BadPattern):
        LogPattern.of(pattern)


@given(st.text(max_size=40) | st.text(alphabet="{}[]$.=!<>()&|\"',*? aE1%-", max_size=40), st.text(max_size=40))
def test_any_text_is_refused_or_decides(pattern: str, message: str) -> None:
    try:
        made = LogPattern.of(pattern)
    except BadPattern:
        return
    assert made.matches(message) in {True, False}
    assert made.matches(EVENT) in {True, False}


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30), st.text(), st.text())
def test_a_quoted_term_is_found_where_it_stands(term: str, before: str, after: str) -> None:
    quoted = '"' + term.replace("\\", "\\\\").replace('"', '\\"') + '"'
    assert LogPattern.of(quoted).matches(before + term + after)
