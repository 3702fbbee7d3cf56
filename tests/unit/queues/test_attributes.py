"""Attributes in SQS's words and settings in config.yaml's say the same."""

import json
from contextlib import suppress
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from router.config.types import Queue, Redrive
from router.events.sqs_errors import InvalidAttributeName, InvalidAttributeValue
from router.queues.attributes import SETTABLE, changed, different, shown, value_of

ARN = "arn:aws:sqs:eu-west-1:123456789012:"

queues = st.builds(
    Queue,
    st.just("mine"),
    visibility_timeout=st.integers(0, 43_200).map(float),
    delay=st.integers(0, 900).map(float),
    retention=st.integers(60, 1_209_600).map(float),
    redrive=st.none() | st.builds(Redrive, st.just("dead"), st.integers(1, 1000)),
    max_message_size=st.integers(1024, 1_048_576),
    receive_wait=st.integers(0, 20).map(float),
    redrive_allow=st.none() | st.lists(st.sampled_from(["a", "b"]), max_size=2, unique=True).map(tuple),
    policy=st.sampled_from(["", '{"Statement": []}']),
)


def to(value: dict[str, Any], attributes: dict[str, Any], *, fifo: bool = False) -> dict[str, Any]:
    return changed(value, attributes, fifo=fifo, arn=f"{ARN}mine", policy=json.loads)


@given(queues)
def test_what_is_shown_can_be_set_and_says_the_same(queue: Queue) -> None:
    told = {name: text for name, text in shown(queue, lambda name: ARN + name).items() if name in SETTABLE}
    assert different(queue, to({}, told), told) == ""
    assert to(value_of(queue), {}) == value_of(queue)


@given(queues, st.integers(0, 900))
def test_one_that_differs_says_in_what(queue: Queue, delay: int) -> None:
    told = {"DelaySeconds": str(delay)}
    assert different(queue, to({}, told), told) == ("" if delay == queue.delay else "DelaySeconds")


@given(st.dictionaries(st.sampled_from(sorted(SETTABLE)), st.text() | st.just('{"redrivePermission": 5}')), st.booleans())
def test_any_text_is_taken_or_refused(attributes: dict[str, str], fifo: bool) -> None:
    with suppress(InvalidAttributeName, InvalidAttributeValue):
        changed({}, attributes, fifo=fifo, arn=f"{ARN}mine", policy=lambda _: None)
