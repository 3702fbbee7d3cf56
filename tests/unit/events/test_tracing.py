"""Trace headers, continued or begun."""

import re
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router import names
from router.events import tracing

SPAN = "53995c3f42cd8ad8"
ROOT = "1-5759e988-bd862e3fe1be46a994272793"
WELL_FORMED = re.compile(r"Root=1-[0-9a-fA-F]{8}-[0-9a-fA-F]{24};Parent=[0-9a-fA-F]{16};Sampled=[01](;Lineage=[0-9a-fA-F:|,]{1,256})?")


@pytest.mark.parametrize(
    ("header", "continued"),
    [
        (f"Root={ROOT};Parent={SPAN};Sampled=1", f"Root={ROOT};Parent={SPAN};Sampled=1"),
        (f"Self=1-aaaaaaaa-bbbbbbbbbbbbbbbbbbbbbbbb; Root={ROOT}", f"Root={ROOT};Parent=aaaaaaaaaaaaaaaa;Sampled=0"),
        (f"Root={ROOT};Parent=x;Sampled=?", f"Root={ROOT};Parent=aaaaaaaaaaaaaaaa;Sampled=0"),
        (f"Root={ROOT};Parent={SPAN};Sampled=0;Lineage=1:a87bd80c:0", f"Root={ROOT};Parent={SPAN};Sampled=0;Lineage=1:a87bd80c:0"),
        (f"Root={ROOT};Lineage=$(x)", f"Root={ROOT};Parent=aaaaaaaaaaaaaaaa;Sampled=0"),
    ],
)
def test_a_callers_trace_goes_on(header: str, continued: str) -> None:
    assert tracing.of_invocation(header, str(uuid.uuid4()), "a" * 16) == continued


@given(header=st.text() | st.text("Rotaen=1-;Smpld ?", max_size=80), request_id=st.text() | st.uuids().map(str))
def test_whatever_comes_an_invocation_has_a_trace(header: str, request_id: str) -> None:
    found = tracing.of_invocation(header, request_id, SPAN)
    assert WELL_FORMED.fullmatch(found), found
    assert tracing.of_invocation(found, "other", "b" * 16) == found


@given(header=st.sampled_from(["", "Root=nonsense;Parent=53995c3f42cd8ad8;Sampled=1"]))
def test_attempts_of_one_event_share_a_trace_of_its_time(header: str) -> None:
    request_id = names.request_id()
    first, second = (tracing.of_invocation(header, request_id, span * 16) for span in "ab")
    assert tracing.fields(first)["Root"] == tracing.fields(second)["Root"]
    assert first != second
    assert int(tracing.fields(first)["Root"][2:10], 16) == int(request_id.replace("-", "")[:12], 16) // 1000
    assert not tracing.sampled(first)


def test_different_events_have_different_traces() -> None:
    assert len({tracing.fields(tracing.of_invocation("", names.request_id(), SPAN))["Root"] for _ in range(1000)}) == 1000


@pytest.mark.parametrize(
    ("traceparent", "header"),
    [
        (
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=1",
        ),
        (
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
            "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=0",
        ),
        (
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-later",
            "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=1",
        ),
        ("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", ""),
        ("00-00000000000000000000000000000000-00f067aa0ba902b7-01", ""),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", ""),
        ("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", ""),
        ("", ""),
    ],
)
def test_a_w3c_trace_in_xrays_spelling(traceparent: str, header: str) -> None:
    assert tracing.of_w3c(traceparent) == header
    assert not header or tracing.of_invocation(header, "r", "a" * 16) == header


@given(traceparent=st.text())
def test_any_traceparent_is_a_trace_or_none(traceparent: str) -> None:
    assert tracing.of_w3c(traceparent) == "" or WELL_FORMED.fullmatch(tracing.of_w3c(traceparent))
