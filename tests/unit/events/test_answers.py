"""What is read in a function's answer, whoever reads it."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.events import answers
from router.events.answers import HEADER_SIZE, HOP_BY_HOP, Passing
from router.events.gateway import Malformed
from tests.helpers.faces import JSON, NAMES, VALUES

PASSING = Passing(HOP_BY_HOP | {"x-own"})
SILENT = Passing(HOP_BY_HOP, frozenset())


@pytest.mark.parametrize(("value", "status"), [(200, 200), ("201", 201), (599, 599), ("599", 599)])
def test_a_status(value: Any, status: int) -> None:
    assert answers.status(value) == status


@pytest.mark.parametrize(
    "value", [None, True, "abc", "20x", "", " 200", "²00", "0200", 1.5, 200.0, 0, 100, 199, 600, -1, "9" * 5000, [200], {}]
)
def test_any_other_status_is_malformed(value: Any) -> None:
    with pytest.raises(Malformed, match="statusCode"):
        answers.status(value)


def test_a_status_in_text_is_taken_where_it_is_taken() -> None:
    with pytest.raises(Malformed, match="'200'"):
        answers.status_number("200")


@given(headers=st.dictionaries(NAMES, VALUES))
def test_headers_pass_as_they_are_written(headers: dict[str, str]) -> None:
    """But for hop-by-hop ones and the gateway's own; of names alike but for case the last one counts, or all where they are lines."""
    passed = {name: value for name, value in headers.items() if name.lower() not in HOP_BY_HOP | answers.REMAPPED}
    assert dict(answers.headers(headers, SILENT).values()) == dict({name.lower(): (name, value) for name, value in passed.items()}.values())
    assert answers.spelt_headers(headers, SILENT) == [(name.lower(), (name, value)) for name, value in passed.items()]


def test_what_does_not_pass() -> None:
    sent = {
        "Connection": "a",
        "SERVER": "b",
        "Keep-Alive": "c",
        "Transfer-Encoding": "d",
        "X-Own": "e",
        "x-mine": "f",
        "Upgrade": "g",
        "TE": "h",
    }
    assert list(answers.headers(sent, PASSING).values()) == [
        ("x-amzn-Remapped-Connection", "a"),
        ("x-amzn-Remapped-SERVER", "b"),
        ("x-mine", "f"),
    ]
    multi = {name: [value, value] for name, value in sent.items()}
    assert answers.multi_headers(multi, SILENT) == {
        "connection": [("Connection", "a")] * 2,
        "server": [("SERVER", "b")] * 2,
        "x-own": [("X-Own", "e")] * 2,
        "x-mine": [("x-mine", "f")] * 2,
    }


def test_null_is_no_header() -> None:
    assert answers.headers(None, PASSING) == answers.headers({"a": None}, PASSING) == {}
    assert answers.spelt_headers(None, PASSING) == answers.spelt_headers({"a": None}, PASSING) == []
    assert answers.multi_headers(None, PASSING) == {}
    assert answers.multi_headers({"a": [None, "b"]}, PASSING) == {"a": [("a", "b")]}


@pytest.mark.parametrize("value", [[], "x", 1, True, ["a"]])
def test_headers_that_are_no_object_are_malformed(value: Any) -> None:
    for read in (answers.headers, answers.spelt_headers, answers.multi_headers):
        with pytest.raises(Malformed, match="is no object"):
            read(value, PASSING)


@pytest.mark.parametrize("value", ["a", None, 1, {"a": "b"}])
def test_many_values_are_a_list(value: Any) -> None:
    with pytest.raises(Malformed, match="holds no list"):
        answers.multi_headers({"a": value}, PASSING)


@pytest.mark.parametrize("name", ["", "a b", "a\r\nb", "a:b", "ü", "a\0", "(a)"])
def test_a_name_that_is_none_is_malformed(name: str) -> None:
    for read, value in ((answers.headers, "x"), (answers.spelt_headers, "x"), (answers.multi_headers, ["x"])):
        with pytest.raises(Malformed, match="no header name"):
            read({name: value}, PASSING)


@pytest.mark.parametrize(
    ("value", "text"),
    [("a", "a"), (1, "1"), (1.5, "1.5"), (2**64 - 1, "18446744073709551615"), (True, "true"), (False, "false"), ("ü\t", "ü\t"), ("", "")],
)
def test_scalars_are_text(value: Any, text: str) -> None:
    assert answers.text("a", value) == text


@pytest.mark.parametrize("value", [None, [], ["a"], {}, 2**64, -(2**63) - 1, "a\r\nb", "a\nb", "\0", "\x7f", "\x1b[0m"])
def test_anything_else_is_malformed_and_told_in_one_line(value: Any) -> None:
    with pytest.raises(Malformed) as caught:
        answers.text("a", value)
    assert "\n" not in str(caught.value)


@given(value=JSON)
def test_whatever_stands_for_a_header_is_text_or_malformed(value: Any) -> None:
    try:
        text = answers.text("a", json.loads(json.dumps(value)))
    except Malformed:
        return
    assert not set("\r\n\0") & set(text)


def test_cookies_are_a_line_each() -> None:
    assert answers.cookies(["a=1; Path=/", "b=2"]) == [("set-cookie", "a=1; Path=/"), ("set-cookie", "b=2")]


@pytest.mark.parametrize("value", ["a=1", {"a": "1"}, [["a=1"]], [None], ["a=1\r\nx: y"]])
def test_other_cookies_are_malformed(value: Any) -> None:
    with pytest.raises(Malformed):
        answers.cookies(value)


def test_headers_have_an_end() -> None:
    answers.check_size([("a", "x" * (HEADER_SIZE - 1))])
    with pytest.raises(Malformed, match=f"more than {HEADER_SIZE} characters"):
        answers.check_size([("a", "x" * (HEADER_SIZE - 1)), ("b", "")])


@given(body=st.binary())
def test_base64_is_undone(body: bytes) -> None:
    assert answers.unencoded(base64.b64encode(body).decode()) == body


@pytest.mark.parametrize("body", ["###", "abc", "ü", "YQ==\n", "Y Q==", "_w=="])
def test_what_is_no_base64_is_malformed(body: str) -> None:
    with pytest.raises(Malformed, match="not base64"):
        answers.unencoded(body)


@given(value=JSON)
def test_a_parsed_value_is_written_and_read_back(value: Any) -> None:
    parsed = answers.parsed(json.dumps(value).encode())
    assert answers.parsed(answers.written(parsed)) == parsed


def test_what_is_nested_too_deep_to_be_written_is_malformed() -> None:
    deep = answers.parsed(b"[" * 300 + b"]" * 300)
    with pytest.raises(Malformed, match="cannot be written"):
        answers.written(deep)
