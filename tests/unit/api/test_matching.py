"""Which triggers an event by hand sets off: the sources' own rules, and a sentence where it sets off nothing."""

import gzip
import json
from base64 import b64encode
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.api.matching import matches
from router.config.types import Bucket, Config, Destination, Function, Queue, Subscription, Table, Topic
from router.errors import InvalidParameter
from router.events import s3
from router.events.patterns import compile_pattern
from router.events.schedule import parse
from router.events.shapes import SHAPES, built
from router.events.transform import Input
from router.sources.bucket_notification import BucketNotification
from router.sources.bus_trigger import EventTrigger
from router.sources.feed import TableTrigger
from router.sources.logs_trigger import LogsTrigger
from router.sources.queue import QueueTrigger
from router.sources.s3dir import S3Trigger
from router.sources.schedule_trigger import ScheduleTrigger
from router.sources.topic_trigger import SnsTrigger

NOW = 1_790_000_000.0
ORDERS = Table("orders", Path("/nowhere.db"), "orders")


def event(kind: str, **facts: str) -> Any:
    return built(SHAPES[kind], {name.replace("_", "-"): value for name, value in facts.items()}, NOW)


def wanting(pattern: str = "s3:ObjectCreated:*", prefix: str = "", suffix: str = "") -> S3Trigger:
    return S3Trigger("uploads", s3.Filter(s3.event_names(pattern), prefix, suffix))


def config(**triggers: Any) -> Config:
    """A config whose functions have these triggers."""
    return Config(
        Path("/c/config.yaml"),
        Path("/c/state"),
        region="eu-west-1",
        account="210987654321",
        buckets={name: Bucket(name, Path("/b") / name, event_version="2.6") for name in ("uploads", "results")},
        tables={"orders": ORDERS},
        functions={
            name: Function(name, Path("/code"), "app.handler", triggers=found if isinstance(found, tuple) else (found,))
            for name, found in triggers.items()
        },
    )


def refusal(kind: str, made: Any, where: Config) -> str:
    with pytest.raises(InvalidParameter) as caught:
        matches(kind, made, where)
    return str(caught.value)


# -- buckets


@pytest.mark.parametrize("kind", ["s3-put", "s3-copy", "s3-multipart"])
def test_whatever_creates_an_object_reaches_who_wants_created_objects(kind: str) -> None:
    (match,) = matches(kind, event(kind), config(f=wanting(suffix=".csv"), g=wanting("s3:ObjectRemoved:*"), h=wanting(prefix="in/")))
    envelope = match.envelope
    assert (envelope.function, envelope.source, envelope.shard, envelope.sequencer) == ("f", "s3:uploads", "report.csv", "")
    assert not match.mapped


def test_a_deletion_reaches_who_wants_deletions() -> None:
    where = config(f=wanting(), g=wanting("s3:ObjectRemoved:Delete"))
    assert [match.envelope.function for match in matches("s3-delete", event("s3-delete"), where)] == ["g"]
    told = refusal("s3-delete", event("s3-delete", marker="true", version_id="v"), where)
    assert "wants ObjectRemoved:DeleteMarkerCreated of 'report.csv'" in told


def test_each_function_gets_the_event_once_as_the_source_would_have_made_it() -> None:
    mine = wanting(suffix=".csv")
    made = event("s3-put", key="in/a b.csv", size="7", etag="e", sequencer="00AA", version_id="v", source_ip="203.0.113.9")
    first, second = matches("s3-put", made, config(f=(wanting(prefix="x/"), mine, wanting()), g=wanting()))
    assert [first.envelope.function, second.envelope.function] == ["f", "g"]
    (record,) = json.loads(first.envelope.payload)["Records"]
    assert record["s3"]["configurationId"] == s3.configuration_id("f", "uploads", mine.wanted)
    assert (record["awsRegion"], record["eventVersion"], record["eventTime"]) == ("eu-west-1", "2.6", made["Records"][0]["eventTime"])
    assert record["s3"]["object"] == {"key": "in/a+b.csv", "size": 7, "eTag": "e", "versionId": "v", "sequencer": "00AA"}
    assert record["requestParameters"] == {"sourceIPAddress": "203.0.113.9"}


@given(key=st.text(st.characters(codec="utf-8"), min_size=1))
def test_filters_see_the_decoded_key_and_the_function_gets_it_back(key: str) -> None:
    (match,) = matches("s3-put", event("s3-put", key=key), config(f=wanting(prefix=key[:1], suffix=key[-1:])))
    assert unquote_plus(json.loads(match.envelope.payload)["Records"][0]["s3"]["object"]["key"]) == key


def test_what_sets_nothing_off_says_why() -> None:
    where = config(f=wanting(prefix="in/", suffix=".csv"))
    told = refusal("s3-put", event("s3-put", key="out/a.csv"), where)
    assert told.startswith("no trigger of bucket uploads wants ObjectCreated:Put of 'out/a.csv': f wants ObjectCreated:CompleteMultipart")
    assert told.endswith("with prefix 'in/' and suffix '.csv'")
    assert refusal("s3-put", event("s3-put", bucket="upload"), where) == "no trigger watches bucket upload, did you mean uploads?"
    assert refusal("s3-put", event("s3-put", bucket="results"), where) == "no trigger watches bucket results"


def test_who_is_told_of_an_object_beside_functions_is_said() -> None:
    told = {
        "a": BucketNotification("a", "uploads", Destination("queue", "jobs"), s3.Filter(frozenset({s3.CREATED}), "in/"), "a"),
        "b": BucketNotification("b", "uploads", Destination("topic", "news"), s3.Filter(frozenset({s3.CREATED})), "b"),
    }
    said = "; of queues and topics queue:jobs, topic:news would be told: put the object itself"
    assert (
        refusal("s3-put", event("s3-put", key="in/a"), replace(config(), notifications=told)) == f"no trigger watches bucket uploads{said}"
    )
    there = replace(config(f=wanting(suffix=".csv")), notifications=told)
    assert refusal("s3-put", event("s3-put", key="a"), there).endswith(
        "; of queues and topics topic:news would be told: put the object itself"
    )
    assert len(matches("s3-put", event("s3-put", key="in/a.csv"), there)) == 1


def test_a_trigger_s_own_id_is_told() -> None:
    (match,) = matches("s3-put", event("s3-put"), config(f=replace(wanting(), id="mine")))
    assert json.loads(match.envelope.payload)["Records"][0]["s3"]["configurationId"] == "mine"


# -- schedules

NIGHTLY = ScheduleTrigger("rate(1 day)", parse("rate(1 day)"), name="nightly")
BERLIN = ScheduleTrigger("rate(1 day)", parse("rate(1 day)"), "Europe/Berlin", '{"at": "<aws.scheduler.scheduled-time>"}', name="berlin")


def test_a_tick_goes_to_its_schedule_by_name() -> None:
    made = event("schedule", name="nightly", id="53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa", time="2026-11-23T08:00:00Z")
    (match,) = matches("schedule", made, config(f=(wanting(), NIGHTLY)))
    told = json.loads(match.envelope.payload)
    assert (match.envelope.function, match.envelope.source) == ("f", "schedule:nightly")
    assert told == made | {
        "region": "eu-west-1",
        "account": "210987654321",
        "resources": ["arn:aws:events:eu-west-1:210987654321:rule/nightly"],
    }


def test_a_schedule_without_a_name_has_its_functions_and_its_place() -> None:
    unnamed = ScheduleTrigger("rate(1 day)", parse("rate(1 day)"))
    (match,) = matches("schedule", event("schedule", name="f-1"), config(f=(wanting(), unnamed)))
    assert match.envelope.function == "f"


def test_a_trigger_that_is_switched_off_counts_among_the_places() -> None:
    unnamed = ScheduleTrigger("rate(1 day)", parse("rate(1 day)"))
    where = config(f=unnamed)
    where.functions["f"] = replace(where.functions["f"], places=(1,))
    (match,) = matches("schedule", event("schedule", name="f-1"), where)
    assert match.envelope.source == "schedule:f-1"
    assert refusal("schedule", event("schedule", name="f-0"), where) == "no schedule f-0, did you mean f-1?"


def test_an_input_takes_the_events_place() -> None:
    (match,) = matches("scheduler", event("scheduler", name="berlin", time="2026-11-23T08:00:00Z"), config(f=BERLIN))
    assert json.loads(match.envelope.payload) == {"at": "2026-11-23T08:00:00Z"}


def test_a_schedule_of_the_other_kind_says_which_it_is() -> None:
    where = config(f=(NIGHTLY, BERLIN))
    assert refusal("scheduler", event("scheduler", name="nightly"), where) == "schedule nightly is an EventBridge rule's: send schedule"
    assert refusal("schedule", event("schedule", name="berlin"), where).endswith("send scheduler")
    assert refusal("schedule", event("schedule", name="nighty"), where) == "no schedule nighty, did you mean nightly?"


# -- tables and the rest


def test_records_go_to_who_reads_the_table_once_each() -> None:
    reading = TableTrigger(ORDERS)
    found = matches("dynamodb", event("dynamodb"), config(f=(reading, reading), g=reading, h=wanting()))
    assert [(match.envelope.function, match.envelope.source, match.mapped) for match in found] == [
        ("f", "table:orders", True),
        ("g", "table:orders", True),
    ]
    assert json.loads(found[0].envelope.payload) == event("dynamodb")
    assert refusal("dynamodb", event("dynamodb", table="order"), config(f=reading)) == "no trigger reads table order, did you mean orders?"


def test_messages_go_to_the_functions_that_read_their_queue() -> None:
    told = config(f=(QueueTrigger(Queue("jobs")),), g=(QueueTrigger(Queue("jobs")),), h=(QueueTrigger(Queue("other")),))
    found = matches("sqs", event("sqs"), told)
    assert [(match.envelope.function, match.envelope.source, match.mapped) for match in found] == [
        ("f", "queue:jobs", True),
        ("g", "queue:jobs", True),
    ]
    assert refusal("sqs", event("sqs"), config(h=(QueueTrigger(Queue("job")),))).startswith("no trigger reads queue jobs")


def test_messages_of_a_topic_go_to_the_functions_whose_filter_policy_passes_them() -> None:
    functions = config(f=(SnsTrigger("alerts"),), g=(SnsTrigger("alerts", {"kind": ["x"]}),), h=(SnsTrigger("other"),))
    declared = Topic("alerts", subscriptions=(Subscription("q", "queue", "jobs"), Subscription("i", "function", "i")))
    there = replace(functions, topics={"alerts": declared, "other": Topic("other"), "silent": Topic("silent")})
    sent = event("sns")
    found = matches("sns", sent, there)
    assert [(match.envelope.function, match.envelope.source, match.mapped) for match in found] == [
        ("i", "sns:alerts", False),
        ("f", "sns:alerts", False),
    ]
    assert json.loads(found[0].envelope.payload) == sent
    assert refusal("sns", event("sns", topic="alert"), there) == "no function subscribes to topic alert, did you mean alerts?"
    assert refusal("sns", event("sns", topic="silent"), there) == "no function subscribes to topic silent"
    picky = replace(config(g=(SnsTrigger("alerts", {"kind": ["x"]}),)), topics={"alerts": Topic("alerts")})
    assert refusal("sns", event("sns"), picky) == "no filter policy of topic alerts passes the message"


def test_log_events_go_by_their_group_and_filters() -> None:
    there = config(f=LogsTrigger("/shop", "ERROR", "bad"), g=(LogsTrigger("/shop"), LogsTrigger("/other")))
    sent = event("logs", group="/shop", filter="bad")
    (match,) = matches("logs", sent, there)
    assert (match.envelope.function, match.envelope.source, match.mapped) == ("f", "logs:/shop", False)
    assert json.loads(match.envelope.payload) == sent
    assert [one.envelope.function for one in matches("logs", event("logs", group="/shop", filter="g-0"), there)] == ["g"]
    assert (
        refusal("logs", event("logs", group="/shop", filter="all"), there)
        == "log group /shop has no subscription filter all; it has bad, g-0"
    )
    assert refusal("logs", event("logs", group="/shpo"), there) == "no trigger follows log group /shpo, did you mean /shop?"
    for data in ("", "x", "aGVsbG8=", 5, b64encode(gzip.compress(b"[]")).decode(), b64encode(gzip.compress(b"{}")).decode()):
        assert refusal("logs", {"awslogs": {"data": data}}, there).startswith("this is no logs event")


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("kinesis", "no trigger takes such events"),
    ],
)
def test_what_no_trigger_could_match_is_refused_with_another_way(kind: str, said: str) -> None:
    told = refusal(kind, event(kind), config(f=wanting()))
    assert told.startswith(f"{kind} cannot be sent: ")
    assert said in told
    assert told.endswith(f"`router event {kind} | router invoke FUNCTION -e -` hands it to a function")


def test_an_event_of_a_bus_goes_by_the_rules_of_the_default_bus() -> None:
    shop = EventTrigger(compile_pattern({"source": ["shop"]}), input=Input.part("$.detail"))
    other = EventTrigger(compile_pattern({"source": ["shop"]}), bus="orders")
    images = EventTrigger(compile_pattern({"source": ["aws.s3"], "detail": {"bucket": {"name": ["uploads"]}}}))
    there = config(f=(shop, other), g=images)
    (match,) = matches("eventbridge", event("eventbridge", detail='{"id": 9}'), there)
    assert (match.envelope.function, match.envelope.payload, match.envelope.source) == ("f", b'{"id":9}', "event:default/f-0")
    (match,) = matches("s3-eventbridge", event("s3-eventbridge", bucket="uploads"), there)
    assert (match.envelope.function, match.mapped) == ("g", False)
    assert refusal("eventbridge", event("eventbridge", source="till"), there) == (
        "the event sets nothing off on the default bus: none of its 2 rules matches"
    )
    assert "it has no rules" in refusal("eventbridge", event("eventbridge"), config(f=other))


def test_an_authorizers_event_belongs_to_its_route() -> None:
    assert "asked by its route" in refusal("authorizer-token", {}, config(f=wanting()))


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["Records", "s3", "bucket", "name", "resources", "time"]), inner),
)


@pytest.mark.parametrize(
    ("kind", "junk", "told"),
    [
        ("s3-put", {}, "this is no s3-put event: 'Records' is missing"),
        ("s3-put", {"Records": []}, "an S3 event to send has one record, this one has 0"),
        ("s3-put", [], "this is no s3-put event: something in it is not what such an event has there"),
        ("dynamodb", {"Records": []}, "the records to send are of one table, these are of 0"),
    ],
)
def test_what_is_wrong_is_told_in_words_of_events(kind: str, junk: Any, told: str) -> None:
    assert refusal(kind, junk, config(f=(wanting(), NIGHTLY, TableTrigger(ORDERS)))) == told


@given(kind=st.sampled_from(["s3-put", "schedule", "scheduler", "dynamodb"]), junk=JUNK)
def test_what_is_no_event_is_one_sentence(kind: str, junk: Any) -> None:
    told = refusal(kind, junk, config(f=(wanting(), NIGHTLY, TableTrigger(ORDERS))))
    assert told
    assert len(told) <= 300


def test_an_unknown_type_is_refused_with_the_known_ones() -> None:
    assert refusal("http", {}, config()).startswith("'http' is no type of event that triggers match; there are s3-put, ")
