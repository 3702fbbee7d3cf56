"""`notifications:` in config.yaml, and the keys that it shares with the trigger `s3`."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.config.fragments import Fragment
from router.config.load import load
from router.config.types import Config, Destination
from router.errors import ConfigError
from router.events import s3
from router.sources import SECTIONS, TRIGGERS
from router.sources.bucket_notification import BucketNotification, of_bucket
from router.sources.s3dir import S3Trigger

AROUND = """
version: 1
buckets: {scans: ./scans, other: ./other}
queues: {jobs: {}, line.fifo: {}}
topics: {news: {}, news.fifo: {}}
functions:
  f: {code: code, handler: app.handler, triggers: [{s3: {bucket: scans, id: mine}}]}
"""
CLAIMED = "id mine among the notifications of bucket scans is taken already by functions.f.triggers[0].s3 (config.yaml:7:57)"


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    with TemporaryDirectory() as directory:
        (Path(directory) / "code").mkdir()
        (Path(directory) / "code/app.py").write_text("def handler(event, context): return event\n")
        yield Path(directory)


def read(place: Path, text: str, *fragments: Fragment) -> Config:
    file = place / "config.yaml"
    file.write_text(f"{AROUND}{text}\n")
    return load(file, TRIGGERS, environ={}, sections=SECTIONS, declared=lambda _: fragments)


def mistakes(place: Path, text: str, *fragments: Fragment) -> str:
    with pytest.raises(ConfigError) as caught:
        read(place, text, *fragments)
    return "\n".join(caught.value.problems)


def test_a_bucket_tells_queues_and_topics(place: Path) -> None:
    config = read(
        place,
        """
notifications:
  texts: {bucket: scans, queue: jobs, events: ["s3:ObjectCreated:Put", "ObjectRemoved:*"], prefix: in/, suffix: .txt}
  all: {bucket: scans, topic: news, id: every one}
  elsewhere: {bucket: other, topic: news}
""",
    )
    put = frozenset({s3.CREATED, s3.REMOVED, s3.MARKED})
    assert of_bucket(config, "scans") == (
        BucketNotification("texts", "scans", Destination("queue", "jobs"), s3.Filter(put, "in/", ".txt"), "texts"),
        BucketNotification("all", "scans", Destination("topic", "news"), s3.Filter(s3.event_names("ObjectCreated:*")), "every one"),
    )
    assert [one.spoken for one in of_bucket(config, "scans")] == ["queue:jobs", "topic:news"]
    (trigger,) = config.functions["f"].triggers
    assert isinstance(trigger, S3Trigger)
    assert trigger.id == "mine"


def test_what_the_api_declares_stands_beside_it(place: Path) -> None:
    value = {"bucket": "scans", "queue": "jobs", "events": ["s3:ObjectCreated:*"], "prefix": "${env:HOME}", "id": "a\nb"}
    config = read(place, "notifications: {own: {bucket: scans, topic: news}}", Fragment("notifications", "s3-scans-0", value, number=1))
    assert [(one.name, one.id, one.wanted.prefix) for one in of_bucket(config, "scans")] == [
        ("own", "own", ""),
        ("s3-scans-0", "a\nb", "${env:HOME}"),
    ]
    told = mistakes(place, "", Fragment("notifications", "s3-scans-0", value | {"queue": "gone"}, number=1))
    assert "half a surrogate pair" in mistakes(place, "", Fragment("notifications", "n", value | {"id": "\ud800"}, number=1))
    assert told == "declared:notifications.s3-scans-0.queue: no queue has the name gone"


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        (f"x: {{bucket: scans, queue: jobs, id: {'x' * 256}}}", "1 to 255 characters"),
        ("x: {queue: jobs}", "notifications.x.bucket: is required"),
        ("x: {bucket: scan, queue: jobs}", "no bucket has the name scan, did you mean scans?"),
        ("x: {bucket: scans}", "tells one queue or one topic"),
        ("x: jobs", "notifications.x: tells one queue or one topic"),
        ("x: {bucket: scans, queue: jobs, topic: news}", "tells one queue or one topic"),
        ("x: {bucket: scans, function: f}", "notifications.x.function: unknown key"),
        ("x: {bucket: scans, queue: job}", "no queue has the name job, did you mean jobs?"),
        ("x: {bucket: scans, topic: new}", "no topic has the name new, did you mean news?"),
        ("x: {bucket: scans, queue: line.fifo}", "line.fifo is a FIFO queue; a bucket tells standard ones"),
        ("x: {bucket: scans, topic: news.fifo}", "news.fifo is a FIFO topic; a bucket tells standard ones"),
        ("x: {bucket: scans, queue: jobs, events: s3:ObjectMade:*}", "unknown S3 event"),
        ("x: {bucket: scans, queue: jobs, events: []}", "names no event"),
        ("x: {bucket: scans, queue: jobs, id: ''}", "1 to 255 characters"),
        ("x: {bucket: scans, queue: jobs, id: mine}", f"notifications.x.id: {CLAIMED}"),
        ("mine: {bucket: scans, queue: jobs}", f"notifications.mine: {CLAIMED}"),
        ("a b: {bucket: scans, queue: jobs}", "a notification's name is 1 to 128"),
        (
            "{x: {bucket: scans, queue: jobs}, y: {bucket: scans, topic: news, id: x}}",
            "config.yaml:9:73: notifications.y.id: id x among the notifications of bucket scans is taken already by notifications.x (config.yaml:9:7)",
        ),
    ],
)
def test_mistakes(place: Path, entry: str, told: str) -> None:
    assert told in mistakes(place, "notifications:\n  " + entry)


def test_a_trigger_s_id_is_its_own_in_its_bucket(place: Path) -> None:
    more = "  g: {{code: code, handler: app.handler, triggers: [{{s3: {{bucket: {}, id: {}}}}}]}}"
    assert mistakes(place, more.format("scans", "mine")).endswith(f"functions.g.triggers[0].s3: {CLAIMED}")
    assert len(read(place, more.format("other", "mine")).functions) == 2
    assert len(read(place, more.format("scans", "mine, enabled: false")).functions) == 2
    apart = read(place, "notifications: {mine: {bucket: other, queue: jobs}, x: {bucket: scans, queue: jobs, id: Mine}}")
    assert len(apart.notifications) == 2
    told = mistakes(place, "", Fragment("notifications", "n", {"bucket": "scans", "queue": "jobs", "id": "mine"}, number=1))
    assert told == f"declared:notifications.n.id: {CLAIMED}"


@given(
    value=st.dictionaries(
        st.sampled_from(["bucket", "queue", "topic", "events", "prefix", "suffix", "id", "other"]),
        st.sampled_from(["scans", "jobs", "news", "line.fifo"])
        | st.text(max_size=5)
        | st.integers()
        | st.none()
        | st.lists(st.text(max_size=3)),
    )
)
def test_whatever_is_declared_is_a_notification_or_a_mistake(place: Path, value: Any) -> None:
    try:
        found = read(place, "", Fragment("notifications", "n", value, number=1)).notifications["n"]
    except ConfigError:
        return
    assert (found.bucket, found.to.name) in {(bucket, name) for bucket in ("scans", "other") for name in ("jobs", "news")}
