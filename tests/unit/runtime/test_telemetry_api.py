"""Subscriptions, and the events that wait for their subscriber."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.events.http import Response
from router.runtime import telemetry_api
from router.runtime.telemetry_api import Buffer, Subscription

DOCUMENTED: dict[str, Any] = {  # Lambda developer guide, "Lambda Telemetry API reference", Subscribe
    "schemaVersion": "2022-12-13",
    "types": ["platform", "function", "extension"],
    "buffering": {"maxItems": 1000, "maxBytes": 256 * 1024, "timeoutMs": 100},
    "destination": {"protocol": "HTTP", "URI": "http://sandbox.localdomain:8080"},
}


def read(**changes: Any) -> Subscription | Response:
    return telemetry_api.subscription(json.dumps(DOCUMENTED | changes).encode())


def refused(**changes: Any) -> str:
    found = read(**changes)
    assert isinstance(found, Response)
    assert isinstance(found.body, bytes)
    assert found.status == 400
    error = json.loads(found.body)
    assert error["errorType"] == "ValidationError"
    said: str = error["errorMessage"]
    return said


def test_the_documented_subscription() -> None:
    assert read() == Subscription(frozenset(telemetry_api.TYPES), "HTTP", 8080, "/", 1000, 262_144, 0.1)


def test_what_is_left_out_has_awss_defaults() -> None:
    assert read(buffering=None) == Subscription(frozenset(telemetry_api.TYPES), "HTTP", 8080, "/", 1000, 262_144, 1.0)


@pytest.mark.parametrize(
    ("destination", "place"),
    [
        ({"protocol": "TCP", "port": 4243}, ("TCP", 4243, "")),
        ({"protocol": "TCP", "URI": "tcp://127.0.0.1:4243"}, ("TCP", 4243, "/")),
        ({"protocol": "HTTP", "URI": "http://sandbox:1/logs/in?x=1"}, ("HTTP", 1, "/logs/in?x=1")),
        ({"protocol": "HTTP", "URI": "http://localhost:65535/a b"}, ("HTTP", 65535, "/")),
        ({"protocol": "HTTP", "URI": "http://localhost:80/\r\nX: y"}, ("HTTP", 80, "/X:%20y")),
    ],
)
def test_places(destination: dict[str, Any], place: tuple[str, int, str]) -> None:
    found = read(destination=destination)
    assert isinstance(found, Subscription)
    assert (found.protocol, found.port) == place[:2]
    assert "\r" not in found.path
    assert " " not in found.path


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"types": []}, "types should not be empty"),
        ({"types": ["platform", "logs"]}, "types should be of platform, function, extension"),
        ({"destination": {"protocol": "HTTP", "URI": "http://sandbox.localdomain"}}, "URI port is not provided"),
        ({"destination": {"protocol": "HTTP", "URI": "http://example.com:80"}}, "destination host should be sandbox.localdomain"),
        (
            {"destination": {"protocol": "HTTP", "URI": "http://[::1"}},
            "destination host should be sandbox.localdomain; URI port is not provided",
        ),
        ({"destination": {"protocol": "TCP", "port": True}}, "URI port is not provided"),
        ({"destination": {"protocol": "UDP"}}, "destination.protocol should be HTTP or TCP"),
        ({"destination": None}, "destination.protocol should be HTTP or TCP"),
        ({"schemaVersion": None}, "schemaVersion should be one of 2022-07-01, 2022-12-13, 2025-01-29"),
        ({"buffering": {"timeoutMs": 24}}, "buffering.timeoutMs should be a whole number from 25 to 30000"),
        ({"buffering": {"maxItems": 10**30}}, "buffering.maxItems should be a whole number from 1000 to 10000"),
        ({"buffering": {"maxBytes": 1.5}}, "buffering.maxBytes should be a whole number from 262144 to 1048576"),
        ({"buffering": []}, "buffering should be an object"),
    ],
)
def test_mistakes_are_told(changes: dict[str, Any], said: str) -> None:
    assert refused(**changes) == said


def test_all_mistakes_at_once() -> None:
    """The documented example of an error."""
    said = refused(types=[], destination={"protocol": "HTTP", "URI": "http://sandbox.localdomain"})
    assert said.split("; ") == ["types should not be empty", "URI port is not provided"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(
    body=st.binary()
    | st.dictionaries(st.sampled_from(sorted(DOCUMENTED)), JSON).map(lambda changes: json.dumps(DOCUMENTED | changes).encode())
)
def test_any_body_is_a_subscription_or_has_an_answer(body: bytes) -> None:
    found = telemetry_api.subscription(body)
    assert isinstance(found, Subscription) or found.status == 400


@given(events=st.lists(st.integers(0, 400_000).map(bytes)), takes=st.sets(st.integers(0, 30)), items=st.integers(1, 5))
def test_a_buffer_is_bounded_and_knows_what_it_lost(events: list[bytes], takes: set[int], items: int) -> None:
    buffer = Buffer(items, 262_144)
    kept: list[bytes] = []
    lost = 0
    for number, event in enumerate(events):
        if number in takes:
            kept += buffer.take()
            assert buffer.empty
        lost += not buffer.put(event)
        assert len(buffer._events) <= items
        assert buffer._size <= 262_144 or len(buffer._events) == 1
    kept += buffer.take()
    assert buffer.lost() == (lost, sum(map(len, events)) - sum(map(len, kept)))
    assert buffer.lost() == (0, 0)
    assert len(kept) + lost == len(events)
