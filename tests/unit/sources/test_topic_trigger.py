"""`sns:` in config.yaml, and the subscriptions that it and `topics:` come to."""

import uuid
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.config.load import load
from router.config.types import Config
from router.errors import ConfigError
from router.sources import TRIGGERS
from router.sources.base import Binding
from router.sources.topic_subscribers import Drawn, id_of
from router.sources.topic_trigger import SnsTrigger

BASE = """\
version: 1
queues: {jobs: {}, dead: {}, line.fifo: {}}
topics:
  news: {subscriptions: {a: {queue: jobs, filter: FILTER}}}
  t.fifo: {}
functions:
  f: {code: ., handler: app.handler, triggers: [{sns: SNS}]}
"""


def read(place: Path, sns: str, written: str = "{k: [v]}") -> Config:
    (place / "app.py").write_text("")
    (place / "config.yaml").write_text(BASE.replace("FILTER", written).replace("SNS", sns))
    return load(place / "config.yaml", TRIGGERS, environ={})


def drawn(config: Config) -> Drawn:
    f = config.functions["f"]
    targets = (target.partition(":")[2] for target in f.targets())
    return Drawn.of(
        [Binding(f, trigger, index, qualifier) for (index, trigger), qualifier in zip(f.placed(), targets, strict=True)], config
    )


@pytest.mark.parametrize(
    ("sns", "trigger"),
    [
        ("news", SnsTrigger("news")),
        ("{topic: news, filter: {}}", SnsTrigger("news")),
        (
            "{topic: news, filter: {k: ['${x}']}, filter_scope: body, dead_letter: {queue: dead}}",
            SnsTrigger("news", {"k": ["${x}"]}, "MessageBody", "dead"),
        ),
    ],
)
def test_a_trigger_as_written(tmp_path: Path, sns: str, trigger: SnsTrigger) -> None:
    assert read(tmp_path, sns).functions["f"].triggers == (trigger,)


@pytest.mark.parametrize(
    ("sns", "told"),
    [
        ("new", "no topic has the name new, did you mean news?"),
        ("t.fifo", "a FIFO topic sends to queues only"),
        ("{topic: news, filter: [x]}", "is a filter policy"),
        ("{topic: news, filter_scope: all}", "one of attributes, body"),
        ("{topic: news, dead_letter: {queue: line.fifo}}", "a destination is a standard one"),
        ("{topic: news, raw: true}", "unknown key"),
    ],
)
def test_mistakes(tmp_path: Path, sns: str, told: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read(tmp_path, sns)
    assert any(told in problem for problem in refused.value.problems), refused.value.problems


def test_all_mistakes_in_filter_policies_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        drawn(read(tmp_path, "{topic: news, filter: {k: v}}", "{k: [{nonsense: 1}]}"))
    places = [problem.partition(": ")[0] for problem in refused.value.problems]
    assert places == ["topics.news.subscriptions.a.filter", "functions.f.triggers[0].sns.filter"]


@pytest.mark.parametrize(
    ("triggers", "declared", "places"),
    [
        ("[{sns: news}, {sns: news}]", "a: {queue: jobs}", ["functions.f.triggers[1].sns"]),
        ("[{sns: news}, {sns: {topic: news, filter: {k: [v]}}}]", "a: {queue: jobs}", ["functions.f.triggers[1].sns"]),
        ("[{sns: news}]", "a: {function: f}", ["functions.f.triggers[0].sns"]),
        ("[]", "a: {function: f}, b: {function: f}", ["topics.news.subscriptions.b"]),
        ("[]", "a: {queue: jobs}, b: {queue: jobs, raw: true}", []),
        (
            "[{sns: news}, {sns: {topic: news, enabled: false}}, {sns: {topic: news, qualifier: live}}, {sns: old}]",
            "a: {queue: jobs}, b: {queue: dead}",
            [],
        ),
    ],
)
def test_a_function_subscribes_to_a_topic_once(tmp_path: Path, triggers: str, declared: str, places: list[str]) -> None:
    """AWS answers a second Subscribe of the same endpoint with the first one's ARN: a message reaches it once."""
    written = f"""\
version: 1
queues: {{jobs: {{}}, dead: {{}}}}
topics: {{news: {{subscriptions: {{{declared}}}}}, old: {{}}}}
functions: {{f: {{code: ., handler: app.handler, aliases: {{live: 1}}, triggers: {triggers}}}}}
"""
    (tmp_path / "app.py").write_text("")
    (tmp_path / "config.yaml").write_text(written)
    config = load(tmp_path / "config.yaml", TRIGGERS, environ={})
    try:
        drawn(config)
        told: list[str] = []
    except ConfigError as refused:
        told = list(refused.problems)
    assert [line.partition(": ")[0] for line in told] == places, told


def test_subscriptions_of_both_kinds_are_laid_and_keep_their_arns(tmp_path: Path) -> None:
    first, again = (drawn(read(tmp_path, "news")).subscribers["news"] for _ in range(2))
    assert [(one.settings.kind, one.settings.target, one.declared) for one in first] == [("queue", "jobs", True), ("function", "f", False)]
    assert [one.arn for one in first] == [one.arn for one in again]
    assert len({one.arn for one in first}) == 2


@given(st.text(max_size=40), st.uuids(version=4))
def test_an_id_is_a_uuid_and_one_that_is_given_stays(name: str, given_id: uuid.UUID) -> None:
    assert str(uuid.UUID(id_of("t", name))) == id_of("t", name)
    assert id_of("t", str(given_id)) == str(given_id)
    assert id_of("t", "a") != id_of("u", "a")
