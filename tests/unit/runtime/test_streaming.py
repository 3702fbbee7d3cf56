"""A handler's iterator as an answer in pieces."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router import model
from router.runtime import bootstrap, streaming
from router.runtime.marshalling import Fault

ITEMS = st.lists(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.binary(max_size=20) | st.binary(max_size=20).map(bytearray)
)


def spelled(items: list[Any]) -> bytes:
    return b"".join(item.encode() if isinstance(item, str) else bytes(item) for item in items)


@given(items=ITEMS)
def test_pieces_are_bytes_whatever_was_given(items: list[Any]) -> None:
    content_type, pieces = streaming.opened(iter(items), raw=True)
    assert content_type == streaming.PLAIN
    assert b"".join(pieces) == spelled(items)


@given(items=ITEMS, status=st.integers(100, 599), value=st.text(max_size=20))
def test_a_leading_dict_is_the_prelude(items: list[Any], status: int, value: str) -> None:
    prelude = {"statusCode": status, "headers": {"x": value}}
    content_type, pieces = streaming.opened(iter([prelude, *items]), raw=False)
    assert content_type == streaming.HTTP_INTEGRATION
    head, _, body = b"".join(pieces).partition(model.PRELUDE_END)
    assert json.loads(head) == prelude
    assert body == spelled(items)


@pytest.mark.parametrize("item", [7, None, ["a"], {"late": "prelude"}, "\ud800"])
def test_anything_else_is_a_marshal_error_after_what_was_good(item: Any) -> None:
    _, pieces = streaming.opened(iter(["good", item]), raw=True)
    assert next(pieces) == b"good"
    with pytest.raises(Fault, match="Unable to marshal response") as fault:
        next(pieces)
    assert fault.value.error_type == "Runtime.MarshalError"


def test_a_prelude_that_is_no_json_is_a_marshal_error() -> None:
    with pytest.raises(Fault, match="set is not JSON serializable"):
        streaming.opened(iter([{"headers": {1}}]), raw=True)


def test_the_limit_counts_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "LIMIT", 5)
    _, pieces = streaming.opened(iter(["12345", "6"]), raw=True)
    assert next(pieces) == b"12345"
    with pytest.raises(streaming.TooLarge):
        next(pieces)


def test_only_iterators_stream() -> None:
    assert streaming.streams(iter(()))
    assert not any(streaming.streams(result) for result in ({}, [], "text", b"bytes", None, range(3)))


def test_closing_lets_the_function_clean_up() -> None:
    ended = []

    def handler() -> Iterator[str]:
        try:
            yield "one"
        finally:
            ended.append(True)

    items = handler()
    next(streaming.opened(items, raw=True)[1])
    streaming.close(items)
    streaming.close(iter([]))
    assert ended == [True]


def test_the_worker_and_the_daemon_agree() -> None:
    assert (streaming.LIMIT, streaming.HTTP_INTEGRATION) == (model.STREAM_LIMIT, model.HTTP_INTEGRATION)
    assert streaming._PRELUDE_END == model.PRELUDE_END


@pytest.mark.parametrize("before", [0, 1])
def test_the_trace_of_a_failure_begins_with_the_function_s_own_frame(before: int) -> None:
    def handler() -> Iterator[bytes]:
        yield from [b"good"] * before
        raise ValueError("no")

    with pytest.raises(ValueError, match="no") as caught:
        list(streaming.opened(handler(), raw=True)[1])
    begun = caught.tb.tb_next  # behind this test, which stands for the bootstrap
    message, kind, trace = bootstrap.told(caught.value.with_traceback(begun))
    assert (message, kind) == ("no", "ValueError")
    assert [line.splitlines()[0].rpartition(", in ")[2] for line in trace] == ["handler"]
