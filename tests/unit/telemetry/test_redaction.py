"""No secret in our own log, whatever its shape; and no value that could stop a line from being written."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.telemetry.redaction import HIDDEN, Redaction

TELLING = [
    "authorization",
    "Authorization",
    "cookie",
    "Set-Cookie",
    "x-hub-signature-256",
    "token",
    "aws_session_token",
    "SECRET",
    "client_secret",
]
PLAIN = ["function", "request_id", "key", "bucket", "event", "author", "next_token_count", "passed", "compass"]


@pytest.mark.parametrize(
    "key", [*TELLING, "password", "passwd", "passphrase", "api_key", "apiKey", "AWS_ACCESS_KEY_ID", "private-key", "credentials"]
)
def test_a_telling_key_hides_its_value(key: str) -> None:
    assert Redaction().entries({key: "value", "in": {key: ["a", "b"]}}) == {key: HIDDEN, "in": {key: HIDDEN}}


@pytest.mark.parametrize("key", PLAIN)
def test_an_ordinary_key_hides_nothing(key: str) -> None:
    assert Redaction().entries({key: "value"}) == {key: "value"}


@given(
    fields=st.dictionaries(
        st.sampled_from(PLAIN),
        st.text(max_size=50) | st.sampled_from(["x" * 20_000, "an opensesame"]) | st.integers(0, 2**63) | st.floats(),
    )
)
def test_a_few_texts_and_numbers_fare_alike_either_way(fields: dict[str, str | float]) -> None:
    redaction = Redaction(["opensesame"])
    assert repr(redaction.flat(fields)) == repr(redaction.entries(fields))  # repr: NaN is not itself


def test_known_secrets_are_hidden_wherever_they_are() -> None:
    redaction = Redaction(["opensesame", "opensesame-longer", "short"])
    found = redaction.entries(
        {"event": "got opensesame-longer and opensesame", "list": [{"deep": ("xopensesamex",)}], "error": ValueError("opensesame")}
    )
    assert found == {"event": f"got {HIDDEN} and {HIDDEN}", "list": [{"deep": [f"x{HIDDEN}x"]}], "error": HIDDEN}
    assert redaction.text("short words stay") == "short words stay"


def test_the_lines_of_a_private_key_are_hidden_one_by_one() -> None:
    pem = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nabc\n-----END PRIVATE KEY-----\n"
    text = Redaction([pem]).text("bad line MIIEvQIBADANBgkqhkiG9w0BAQEFAASC at 2")
    assert text == f"bad line {HIDDEN} at 2"


class Unspeakable:
    """Has no spelling."""

    def __str__(self) -> str:
        raise RuntimeError


def test_whatever_comes_becomes_plain_and_bounded() -> None:
    loop: list[object] = []
    loop.append(loop)
    found = Redaction().entries(
        {"loop": loop, "odd": Unspeakable(), "bytes": b"\xff", "big": 2**70, 5: "five", "wide": list(range(1000)), "long": "x" * 10**6}
    )
    json.dumps(found)
    assert found["odd"] == "<Unspeakable>"
    assert found["5"] == "five"
    assert len(found["wide"]) == 100
    assert len(found["long"]) < 17_000
    assert len(Redaction().entries({str(number): number for number in range(1000)})) == 101


SCALARS = st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5) | st.binary(max_size=5)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3), max_leaves=5
)


@given(fields=st.dictionaries(st.text(max_size=5), VALUES, max_size=3), secret=st.text("bcfghjkmnopq", min_size=8, max_size=20))
def test_no_line_ever_holds_a_secret(fields: dict[str, object], secret: str) -> None:
    fields["error"] = {"told": [f"<{secret}>", ValueError(secret)]}
    assert secret not in json.dumps(list(Redaction([secret]).entries(fields).values()))
