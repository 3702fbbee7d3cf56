"""What an operator tries before sending."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.api.offering import sample, shapes
from router.errors import InvalidParameter
from router.events.shapes import SHAPES
from tests.unit.api.bench import Bench

NOW = 1_795_000_000.0


def test_every_type_is_offered_and_can_be_made() -> None:
    offered = {row["type"]: row["facts"] for row in shapes()}
    assert offered.keys() == SHAPES.keys()
    for kind, facts in offered.items():
        json.dumps(sample(kind, {}, NOW))
        json.dumps(sample(kind, facts, NOW))


def test_facts_take_the_place_of_the_defaults() -> None:
    (record,) = sample("s3-put", {"bucket": "inbox", "key": "ein bild.jpg"}, NOW)["Records"]
    assert (record["s3"]["bucket"]["name"], record["s3"]["object"]["key"]) == ("inbox", "ein+bild.jpg")


@pytest.mark.parametrize(
    ("kind", "facts", "told"),
    [
        ("s3-putt", {}, "'s3-putt' is no type of event; there are s3-put"),
        ("s3-put", {"colour": "red"}, "'colour' is no fact of s3-put; it has "),
        ("s3-put", {"size": "many"}, "size 'many' is no whole number"),
        ("s3-put", {"size": 5}, "facts are texts"),
        ("s3-put", {"time": "late"}, "neither an age"),
    ],
)
def test_what_makes_no_event_is_refused(kind: str, facts: dict[str, object], told: str) -> None:
    with pytest.raises(InvalidParameter, match=told):
        sample(kind, facts, NOW)


@given(st.sampled_from(sorted(SHAPES)), st.data())
def test_any_text_is_an_event_or_refused(kind: str, data: st.DataObject) -> None:
    facts = data.draw(st.dictionaries(st.sampled_from(sorted(SHAPES[kind].facts)), st.text(max_size=12), max_size=3))
    with suppress(InvalidParameter):
        json.dumps(sample(kind, facts, NOW))


async def test_the_daemon_offers_them() -> None:
    bench = Bench()
    assert len((await bench.ask("GET", "/shapes")).json) == len(SHAPES)
    made = await bench.ask("POST", "/shapes/s3-put", b'{"bucket": "inbox"}')
    assert made.json["Records"][0]["s3"]["bucket"]["name"] == "inbox"
    assert (await bench.ask("POST", "/shapes/none", b"{}")).status == 400


@pytest.mark.parametrize("body", [b"{}", b'{"path": "relative"}', b'{"path": 5}', b'{"event": {}, "path": "/x"}', b'{"event": 5}', b"[]"])
async def test_why_wants_an_event_or_a_path(body: bytes) -> None:
    answer = await Bench().ask("POST", "/why", body)
    assert (answer.status, answer.json["code"]) == (400, "InvalidParameterValueException")
    if b"path" in body:
        assert answer.json["message"] == "say which: an event, or a path that begins with /"
