"""The value under `topics`."""

import pytest

from router.config.types import Subscription, Topic
from tests.unit.config.conftest import BASE, Place


def test_topics_as_written(place: Place) -> None:
    config = place.load(
        BASE
        + "queues: {jobs: {}, dead: {}, line.fifo: {}}\n"
        + "topics:\n  news:\n    subscriptions:\n      a: {queue: jobs, raw: true, filter: {k: ['${x}', {prefix: p}]}, filter_scope: body, dead_letter: {queue: dead}}\n"
        + "      b: {function: f}\n  bare:\n  t.fifo: {content_based_deduplication: true, subscriptions: {c: {queue: line.fifo}}}\n"
    )
    assert config.topics == {
        "news": Topic(
            "news",
            subscriptions=(
                Subscription(
                    "a", "queue", "jobs", raw=True, filter={"k": ["${x}", {"prefix": "p"}]}, filter_scope="MessageBody", dead_letter="dead"
                ),
                Subscription("b", "function", "f"),
            ),
        ),
        "bare": Topic("bare"),
        "t.fifo": Topic("t.fifo", fifo=True, content_based_deduplication=True, subscriptions=(Subscription("c", "queue", "line.fifo"),)),
    }


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("a b: {}", "topics.a b: a topic's name is 1 to 256"),
        ("t: {fifo: true}", "a FIFO topic's name ends with .fifo"),
        ("t: {content_based_deduplication: true}", "only a FIFO topic has this"),
        ("t: {display_name: " + "x" * 101 + "}", "longer than 100"),
        ("t: {subscriptions: {'a b': {queue: jobs}}}", "a subscription's name is"),
        ("t: {subscriptions: {a: {}}}", "has one target"),
        ("t: {subscriptions: {a: {queue: jobs, function: f}}}", "has one target"),
        ("t: {subscriptions: {a: {queue: job}}}", "no queue has the name job, did you mean jobs?"),
        ("t: {subscriptions: {a: {function: g}}}", "no function has the name g"),
        ("t: {subscriptions: {a: {queue: line.fifo}}}", "only a FIFO topic sends to one"),
        ("t.fifo: {subscriptions: {a: {function: f}}}", "a FIFO topic sends to queues only"),
        ("t: {subscriptions: {a: {function: f, raw: true}}}", "only a queue can have it raw"),
        ("t: {subscriptions: {a: {queue: jobs, filter: [x]}}}", "is a filter policy"),
        ("t: {subscriptions: {a: {queue: jobs, filter_scope: all}}}", "one of attributes, body"),
        ("t: {subscriptions: {a: {queue: jobs, dead_letter: {queue: line.fifo}}}}", "a destination is a standard one"),
        ("t.fifo: {subscriptions: {" + ", ".join(f"s{n}: {{queue: jobs}}" for n in range(101)) + "}}", "has 100 subscriptions at most"),
        ("t: {polcy: []}", "did you mean policy?"),
    ],
)
def test_mistakes(place: Place, value: str, told: str) -> None:
    text = f"{BASE}queues: {{jobs: {{}}, line.fifo: {{}}}}\ntopics:\n  {value}\n"
    assert any(told in mistake for mistake in place.mistakes(text)), place.mistakes(text)
