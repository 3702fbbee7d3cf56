"""The value under `queues`."""

import json

import pytest

from router.config.types import Queue, Redrive
from tests.unit.config.conftest import BASE, Place


def test_queues_as_written(place: Place) -> None:
    config = place.load(
        BASE
        + "queues:\n  jobs: {visibility_timeout: 1m, delay: 5, retention: 1d, redrive: {queue: dead, max_receive_count: 3}, max_message_size: 256KB, receive_wait: 20}\n"
        + "  dead:\n  line.fifo: {content_based_deduplication: true}\n"
    )
    assert config.queues == {
        "jobs": Queue("jobs", 60.0, 5.0, 86400.0, redrive=Redrive("dead", 3), max_message_size=262_144, receive_wait=20.0),
        "dead": Queue("dead"),
        "line.fifo": Queue("line.fifo", fifo=True, content_based_deduplication=True),
    }


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("a b: {}", "queues.a b: a queue's name is 1 to 80"),
        ("jobs: {fifo: true}", "queues.jobs.fifo: a FIFO queue's name ends with .fifo"),
        ("x.fifo: {fifo: false}", "a FIFO queue's name ends with .fifo, and no other's does"),
        ("jobs: {content_based_deduplication: true}", "only a FIFO queue has this"),
        ("jobs: {visibility_timeout: 13h}", "outside 0 to 12 h"),
        ("jobs: {delay: 901}", "outside 0 to 900 s"),
        ("jobs: {retention: 59}", "outside 60 s to 14 d"),
        ("jobs: {receive_wait: 21}", "outside 0 to 20 s"),
        ("jobs: {max_message_size: 1023}", "from 1KB to 1MB"),
        ("jobs: {max_message_size: 2MB}", "from 1KB to 1MB"),
        ("jobs: {max_message_size: big}", "from 1KB to 1MB"),
        ("jobs: {redrive: {queue: nowhere, max_receive_count: 1}}", "no queue has the name nowhere"),
        ("jobs: {redrive: {queue: jobs, max_receive_count: 1}}", "cannot be its own"),
        ("{jobs: {redrive: {queue: d.fifo, max_receive_count: 1}}, d.fifo: {}}", "must be a standard queue too"),
        ("{jobs: {redrive: {queue: d, max_receive_count: 0}}, d: {}}", "outside 1 to 1000"),
        ("{jobs: {redrive: {queue: d}}, d: {}}", "max_receive_count: is required"),
        ("jobs: {visibilty_timeout: 3}", "did you mean visibility_timeout?"),
        ("jobs: {deduplication_scope: queue}", "only a FIFO queue has this"),
        ("{jobs: {redrive: {queue: d, max_receive_count: 1}}, d: {redrive_allow: none}}", "does not take dead letters of this one"),
        ("jobs: {redrive_allow: [a b]}", "write all, none, or up to 10 names"),
        ("jobs: {policy: [{Effect: Allow, Action: 'sqs:*', Resource: '*'}]}", "names its Principal"),
        ("jobs: {tags: {'aws:x': y}}", "does not begin with aws:"),
        ("jobs: {tags: {x: 'a;b'}}", "up to 256 letters"),
    ],
)
def test_mistakes(place: Place, value: str, told: str) -> None:
    text = f"{BASE}queues: {value}\n" if value.startswith("{") else f"{BASE}queues:\n  {value}\n"
    assert any(told in mistake for mistake in place.mistakes(text)), place.mistakes(text)


def test_a_queue_has_a_policy_and_tags(place: Place) -> None:
    statement = "{Effect: Allow, Principal: '*', Action: 'sqs:SendMessage', Resource: '*', Sid: a-b}"
    text = f"{BASE}queues:\n  d: {{redrive_allow: [jobs], tags: {{a: '1', b: ''}}, policy: [{statement}]}}\n"
    queue = place.load(text).queues["d"]
    assert (queue.redrive_allow, queue.tags) == (("jobs",), {"a": "1", "b": ""})
    assert json.loads(queue.policy)["Statement"] == [
        {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*", "Sid": "a-b"}
    ]
