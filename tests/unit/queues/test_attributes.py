"""Attributes in SQS's words and settings in config.yaml's say the same."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.config.types import Queue, Redrive
from router.events.sqs_errors import InvalidAttributeName, InvalidAttributeValue, InvalidParameterValue
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
    with suppress(InvalidAttributeName, InvalidAttributeValue, InvalidParameterValue):
        changed({}, attributes, fifo=fifo, arn=f"{ARN}mine", policy=lambda _: None)


def allow(kind: str, *sources: str) -> dict[str, str]:
    return {"RedriveAllowPolicy": json.dumps({"redrivePermission": kind, **({"sourceQueueArns": list(sources)} if sources else {})})}


def redrive(**given: Any) -> dict[str, str]:
    return {"RedrivePolicy": json.dumps({"deadLetterTargetArn": f"{ARN}dead", "maxReceiveCount": 3, **given})}


@pytest.mark.parametrize(
    "attributes",
    [
        allow("allowAll", f"{ARN}a"),
        allow("denyAll", f"{ARN}a"),
        allow("byQueue"),
        allow("byQueue", *(f"{ARN}q{n}" for n in range(11))),
        allow("byQueue", "arn:aws:sqs:eu-west-1:999999999999:a"),
        allow("all"),
        {"DeduplicationScope": "topic", "FifoThroughputLimit": "perQueue"},
        {"DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perQueue"},
        {"FifoThroughputLimit": "perMessageGroupId"},
    ],
    ids=str,
)
def test_what_is_refused(attributes: dict[str, str]) -> None:
    with pytest.raises(InvalidAttributeValue):
        to({}, attributes, fifo=True)


@pytest.mark.parametrize(
    ("attributes", "why"),
    [
        (redrive(maxReceiveCount=0), "Invalid value for maxReceiveCount: 0, valid values are from 1 to 1000 both inclusive."),
        (redrive(maxReceiveCount=1001), "Invalid value for maxReceiveCount: 1001,"),
        (redrive(maxReceiveCount=True), "Invalid value for maxReceiveCount: True,"),
        (redrive(maxReceiveCount="1e1"), "Invalid value for maxReceiveCount: 1e1,"),
        (redrive(deadLetterTargetArn="dummy"), "Invalid value for deadLetterTargetArn."),
        (redrive(deadLetterTargetArn="arn:aws:sqs:us-east-1:123456789012:dead"), "Invalid value for deadLetterTargetArn."),
        (redrive(more=1), "not known: more"),
        ({"RedrivePolicy": '{"maxReceiveCount": 1}'}, "does not contain mandatory attribute: deadLetterTargetArn."),
        ({"RedrivePolicy": f'{{"deadLetterTargetArn": "{ARN}dead"}}'}, "does not contain mandatory attribute: maxReceiveCount."),
        ({"RedrivePolicy": "{"}, "Redrive policy is not a valid JSON map."),
    ],
    ids=str,
)
def test_a_redrive_policy_that_is_none(attributes: dict[str, str], why: str) -> None:
    """The code, and the words of an ARN that is none, as recorded of AWS."""
    told = f"Value {attributes['RedrivePolicy']} for parameter RedrivePolicy is invalid. Reason: "
    with pytest.raises(InvalidParameterValue) as refused:
        to({}, attributes, fifo=True)
    assert str(refused.value).startswith(told)
    assert why in str(refused.value)


def test_a_queue_stays_of_its_kind() -> None:
    """As recorded of AWS."""
    assert to({}, {"FifoQueue": "true"}, fifo=True) == {"deduplication_scope": "queue"}
    with pytest.raises(InvalidAttributeValue, match="Reason: Modifying queue type is not supported"):
        to({}, {"FifoQueue": "false"}, fifo=True)
    with pytest.raises(InvalidAttributeName):
        to({}, {"FifoQueue": "true"})


def test_who_may_redrive_here() -> None:
    assert to({"redrive_allow": "none"}, allow("allowAll")) == {}
    assert to({}, allow("denyAll")) == {"redrive_allow": "none"}
    assert to({}, allow("byQueue", *(f"{ARN}q{n}" for n in range(10)))) == {"redrive_allow": [f"q{n}" for n in range(10)]}
    assert to({}, redrive(maxReceiveCount="1000")) == {"redrive": {"queue": "dead", "max_receive_count": 1000}}
