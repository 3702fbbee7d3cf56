"""Regular expressions in filter patterns: what AWS takes, found anywhere in a text."""

import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.events.log_conditions import BadPattern
from router.events.log_patterns import LogPattern
from router.events.log_regular import BadExpression, LogRegular


@pytest.mark.parametrize(
    ("expression", "text", "found"),
    [
        ("AUTHORIZED", "UNAUTHORIZED 401", True),
        ("AUTHORIZED", "authorized", False),
        (r"10\.10\.0\.1", "from 10.10.0.1", True),
        (r"10\.10\.0\.1", "from 10x10.0.1", False),
        ("colou?r", "the color", True),
        ("gray|grey", "a grey one", True),
        ("^ERROR", "ERROR at", True),
        ("^ERROR", "an ERROR", False),
        ("ok$", "it is ok", True),
        ("ok$", "ok it is", False),
        ("^a|b$", "ax", True),
        ("^a|b$", "xb", True),
        ("^a|b$", "xaxbx", False),
        (r"\$$", "5$", True),
        (r"\\$", "a\\", True),
        (r"^$", "", True),
        (r"^$", "a", False),
        (r"a\\$", "a$", False),
        (r"4\d{2}", "status 404", True),
        (r"4\d{2}", "status 4x4", False),
        (r"\d", "٣", False),
        ("[a-c]{2,3}x", "zabx", True),
        ("[^a-c]", "abc", False),
        (r"[\]\-^]", "-", True),
        (r"[\w=;]+@", "me;=@x", True),
        (r"\x41", "A", True),
        ("a.c", "a\nc", False),
        ("a c", "a c", True),
        ("", "", True),
    ],
)
def test_what_is_found(expression: str, text: str, found: bool) -> None:
    if not expression:
        with pytest.raises(BadExpression):
            LogRegular(expression)
        return
    assert LogRegular(expression).found_in(text) is found


@pytest.mark.parametrize(
    "expression",
    [
        "(a)",
        "a!",
        r"\b",
        r"\1",
        "é",
        "[[a]",
        "[a",
        "[]",
        "a]",
        "a^b",
        "$a",
        "*a",
        "a**",
        "a{2000}",
        "\\",
        'a"b',
        "a'b",
        "a<b",
        "a&b",
        "a\tb",
    ],
)
def test_what_is_refused(expression: str) -> None:
    with pytest.raises(BadExpression):
        LogRegular(expression)


ATOM = st.sampled_from(["a", "b", "c", ".", "[ab]", "[^a]", r"\d", r"\w", r"\.", "1", " "])
REPEAT = st.sampled_from(["", "", "*", "+", "?", "{2}", "{1,2}"])
WAY = st.tuples(
    st.sampled_from(["", "^"]), st.lists(st.tuples(ATOM, REPEAT).map("".join), max_size=4).map("".join), st.sampled_from(["", "$"])
).map("".join)


@given(st.lists(WAY, min_size=1, max_size=3).map("|".join).filter(bool), st.text("abc1. \n", max_size=8))
def test_it_finds_what_python_finds(expression: str, text: str) -> None:
    """`$` apart, which Python finds before a line feed at the end too."""
    wanted = re.search(re.sub(r"\$", r"\\Z", expression), text, re.ASCII) is not None
    assert LogRegular(expression).found_in(text) is wanted


def test_no_text_makes_it_slow() -> None:
    expression = LogRegular("a*a*a*a*a*a*a*a*b")
    began = time.process_time()
    assert not expression.found_in("a" * 200_000)
    assert time.process_time() - began < 5  # going back would take longer than there is


@pytest.mark.parametrize(
    ("pattern", "message", "matches"),
    [
        ("%ERR|WARN%", "a WARNING", True),
        ("%ERR|WARN%", "fine", False),
        ("{ $.type = %^Trail% }", '{"type": "TrailUpdate"}', True),
        ("{ $.type = %^Trail% }", '{"type": "UpdateTrail"}', False),
        ("{ $.status != %^4% && $.a = 1 }", '{"status": 200, "a": 1}', True),
        ("{ $.status = %^4% }", '{"status": 404}', True),
        ("{ $.status = %true% }", '{"status": true}', False),
        (r"{ $.ip = %10\.\d+, x|}% }", '{"ip": "10.7, x"}', True),
        ("[ip, user, status = %^4%, ...]", "1.2.3.4 ann 404 x", True),
        ("[ip, user, status = %^4%, ...]", "1.2.3.4 ann 200 x", False),
        ("[w1 = %a,b%, w2]", "xa,bx y", True),
        ("[w1 != %a%, w2]", "b c", True),
        ("50% done", "50% done", True),
        ("[w1 = 5%*, w2 = 3%]", "5%x 3%", True),
    ],
)
def test_where_they_stand(pattern: str, message: str, matches: bool) -> None:
    assert LogPattern.of(pattern).matches(message) is matches


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("%a% b", "a regular expression stands alone"),
        ("?%a% ?b", "a regular expression stands alone"),
        ("{ $.a > %4% }", "> compares with a number"),
        ("{ $.a = %(x)% }", "is not taken in a regular expression"),
        ("{ $.a = %x% || $.b = %x% || $.c = %x% }", "more than 2 regular expressions"),
        ("[a = %x%, b = %x%, c = %x%]", "more than 2 regular expressions"),
    ],
)
def test_where_they_do_not(pattern: str, why: str) -> None:
    with pytest.raises(BadPattern, match=re.escape(why)):
        LogPattern.of(pattern)


@given(st.one_of(st.none(), st.booleans(), st.lists(st.integers()), st.dictionaries(st.text(), st.integers())))
def test_what_is_no_text_and_no_number_is_never_it(value: Any) -> None:
    assert not LogRegular(".*").equals(value)
