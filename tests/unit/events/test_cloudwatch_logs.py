"""CloudWatch Logs data; the sample is compared in tests/fidelity."""

import gzip
import json
from base64 import b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.events.cloudwatch_logs import CONTROL, Batch, Line, event


@given(st.lists(st.text(), max_size=4))
def test_messages_come_through(messages: list[str]) -> None:
    lines = [Line(str(number), number, message) for number, message in enumerate(messages)]
    data = event(Batch("1", "g", "s", ["f"], lines))["awslogs"]["data"]
    held = json.loads(gzip.decompress(b64decode(data, validate=True)))
    assert [line["message"] for line in held["logEvents"]] == messages
    assert (held["messageType"], held["subscriptionFilters"]) == ("DATA_MESSAGE", ["f"])


def test_the_same_batch_is_the_same_bytes_and_its_text_is_compact() -> None:
    batch = Batch("1", "g", "s", [], [Line("1", 2, "ü")], CONTROL)
    assert event(batch) == event(batch)
    text = gzip.decompress(b64decode(event(batch)["awslogs"]["data"])).decode()
    assert text.startswith('{"messageType":"CONTROL_MESSAGE","owner":"1","logGroup":"g"')
    assert "ü" in text


def test_columns_come_beside_their_message_and_only_where_there_are_any() -> None:
    lines = [Line("1", 2, "a b", {"x": "a"}), Line("2", 3, "c")]
    held = json.loads(gzip.decompress(b64decode(event(Batch("1", "g", "s", ["f"], lines))["awslogs"]["data"])))
    assert held["logEvents"] == [
        {"id": "1", "timestamp": 2, "message": "a b", "extractedFields": {"x": "a"}},
        {"id": "2", "timestamp": 3, "message": "c"},
    ]


def test_half_a_surrogate_pair_is_refused() -> None:
    with pytest.raises(UnicodeEncodeError):
        event(Batch("1", "g", "s", [], [Line("1", 2, "\ud800")]))
