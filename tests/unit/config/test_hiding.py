"""No way of quoting a secret gets it past."""

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.config.hiding import Hiding
from router.config.problems import printable, shown

SECRET = "hunter2-hunter2-hunter2"


@pytest.mark.parametrize(
    ("secrets", "message", "hidden"),
    [
        ([SECRET], f"no role {SECRET}, did you mean x?", "no role [redacted], did you mean x?"),
        ([SECRET], f"no header {SECRET.upper()}", "no header [redacted]"),
        ([SECRET * 9], f"{shown(SECRET * 9)} is not a name", "[redacted]… is not a name"),
        ([f"{SECRET}/../x/{SECRET}"], f"/srv/{SECRET} does not exist", "/srv[redacted] does not exist"),
        (["secret", "secret-2-extra"], "no secret-2-extra", "no [redacted]"),
        (["abcdefghijklmnop", "mnopqrstuvwxyz"], "abcdefghijklmnopqrstuvwxyz", "[redacted]"),
        (["word"], "no password in a word", "no pass[redacted] in a [redacted]"),
        (
            [SECRET],
            f"\u0130\u0130\u0130: no {SECRET.upper()} here",
            "\u0130\u0130\u0130: no [redacted] here",
        ),  # two characters in lower case
        (["abc"], "no abc", "no abc"),
        ([""], "nothing", "nothing"),
    ],
)
def test_what_is_hidden_everywhere(secrets: list[str], message: str, hidden: str) -> None:
    assert Hiding(secrets).hidden(message) == hidden


@pytest.mark.parametrize(
    ("secrets", "message", "hidden"),
    [
        (["abc"], "no role abc: abcd is not", "no role [redacted]: abcd is not"),
        (["pa55word"], "https://user:pa55…", "https://user:[redacted]…"),
        (["x" * 70 + "must be text"], "must be text", "[redacted]"),
        (["x" * 70 + "must"], "must be text", "must be text"),
    ],
)
def test_what_is_hidden_of_messages_about_the_value(secrets: list[str], message: str, hidden: str) -> None:
    assert Hiding(secrets, here=True).hidden(message) == hidden


@given(st.text(min_size=12, max_size=100), st.sampled_from([str, printable, repr, shown, str.upper, os.path.normpath]))
def test_no_long_run_of_a_secret_is_left(secret: str, quoted: object) -> None:
    assert callable(quoted)
    message = f"<{quoted(secret)}>".replace("\0", "")
    left = Hiding([secret]).hidden(message)
    for form in (secret, printable(secret), repr(secret)):
        assert not any(form[at : at + 12] in left for at in range(len(form) - 11))


@given(st.text(), st.text(max_size=30))
def test_what_no_secret_is_in_stays(message: str, secret: str) -> None:
    if not set(message.lower()) & set(json.dumps(secret).lower() + printable(secret).lower() + secret.lower() + repr(secret).lower()):
        assert Hiding([secret]).hidden(message) == message
