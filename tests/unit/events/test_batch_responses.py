"""What a function says of its batch. AWS's own table is compared in tests/fidelity."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.events.batch_responses import WholeBatchFailed, failed, resume

IDS = ("a", "b", "c")
NONE = frozenset[str]()


def named(*identifiers: object) -> bytes:
    return json.dumps({"batchItemFailures": [{"itemIdentifier": one} for one in identifiers]}).encode()


@pytest.mark.parametrize(
    "result",
    [b"", b'""', b"null", b"[]", b"{}", b'{"batchItemFailures": []}', b'{"batchItemFailures": null}', b'{"statusCode": 200}'],
)
def test_nothing_failed(result: bytes) -> None:
    assert failed(result, IDS) == NONE


def test_the_named_ones_failed() -> None:
    assert failed(named("b"), IDS) == {"b"}
    assert failed(named("c", "a", "c"), IDS) == {"a", "c"}


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (b"{", "not JSON"),
        (b"NaN", "not JSON"),
        (b'"done"', "a str, not an object"),
        (b"true", "a bool, not an object"),
        (b"false", "a bool, not an object"),
        (b"0", "a int, not an object"),
        (b"[1]", "a list, not an object"),
        (b'{"batchItemFailures": {}}', "a dict, not a list"),
        (b'{"batchItemFailures": "a"}', "a str, not a list"),
        (b'{"batchItemFailures": 0}', "a int, not a list"),
        (b'{"batchItemFailures": ["a"]}', "has no itemIdentifier"),
        (b'{"batchItemFailures": [{"foo": "a"}]}', "has no itemIdentifier"),
        (named(""), "'', not the id of a record"),
        (named(None), "None, not the id"),
        (named(123), "123, not the id"),
        (named("a", "x"), "'x' is no record of the batch"),
        (named("x" * 10_000), "is no record of the batch"),
    ],
)
def test_one_wrong_thing_fails_the_whole_batch(result: bytes, said: str) -> None:
    with pytest.raises(WholeBatchFailed) as caught:
        failed(result, IDS)
    assert said in str(caught.value)
    assert len(str(caught.value)) < 200


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_any_result_has_a_verdict(result: object) -> None:
    with suppress(WholeBatchFailed):
        assert failed(json.dumps(result).encode(), IDS) <= set(IDS)


@given(st.lists(st.text(min_size=1), unique=True, min_size=1), st.data())
def test_a_stream_goes_on_at_the_first_that_failed(ids: list[str], data: st.DataObject) -> None:
    failures = data.draw(st.sets(st.sampled_from(ids)))
    at = resume(ids, failures)
    assert not set(ids[:at]) & failures
    assert at == len(ids) if not failures else ids[at] in failures
