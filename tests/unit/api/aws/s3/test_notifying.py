"""Notification configurations, and what of the config they are."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.api.aws.s3 import notifying
from router.api.aws.s3.documents import document
from router.api.aws.s3.errors import S3Error
from router.api.aws.s3.markup import parsed
from router.api.aws.s3.notifying import Notification

HERE = "us-east-1:123456789012"
ARN = f"arn:aws:lambda:{HERE}:function:resize"
QUEUE, TOPIC = f"arn:aws:sqs:{HERE}:jobs", f"arn:aws:sns:{HERE}:news"
FORMS = {
    "function": ("CloudFunctionConfiguration", "CloudFunction", ARN),
    "queue": ("QueueConfiguration", "Queue", QUEUE),
    "topic": ("TopicConfiguration", "Topic", TOPIC),
}


def one(
    *,
    kind: str = "function",
    arn: str = "",
    id_: str = "one",
    events: tuple[str, ...] = ("s3:ObjectCreated:*",),
    prefix: str = "",
    suffix: str = "",
) -> str:
    rules = "".join(
        f"<FilterRule><Name>{name}</Name><Value>{value}</Value></FilterRule>"
        for name, value in (("prefix", prefix), ("suffix", suffix))
        if value
    )
    element, target, known = FORMS[kind]
    told = "".join(f"<Event>{event}</Event>" for event in events)
    return f"<{element}><Id>{id_}</Id><{target}>{arn or known}</{target}>{told}<Filter><S3Key>{rules}</S3Key></Filter></{element}>"


def read(inner: str) -> notifying.Wanted:
    root = parsed(f"<NotificationConfiguration>{inner}</NotificationConfiguration>".encode(), "NotificationConfiguration")
    found = notifying.read(root, "us-east-1")
    notifying.check_overlaps(found.notifications)
    return found


def test_nothing_is_wanted() -> None:
    assert read("") == ((), False)
    assert read("<EventBridgeConfiguration/>").bridged


def test_a_function_is_told() -> None:
    (found,) = read(one(prefix="in/", suffix=".jpg", events=("s3:ObjectCreated:Put", "s3:ObjectRemoved:*"))).notifications
    assert (found.id, found.kind, found.target, found.prefix, found.suffix) == ("one", "function", "resize", "in/", ".jpg")
    wanted = {"bucket": "bkt", "events": ["s3:ObjectCreated:Put", "s3:ObjectRemoved:*"], "prefix": "in/", "suffix": ".jpg", "id": "one"}
    assert notifying.declared("bkt", found) == {"function": "resize", "trigger": {"s3": wanted}}


def test_a_version_or_an_alias_is_told_itself() -> None:
    (found,) = read(one(arn=f"{ARN}:live")).notifications
    assert found.target == "resize:live"
    assert notifying.declared("bkt", found)["trigger"]["s3"]["qualifier"] == "live"
    (found,) = read(one(arn=f"{ARN}:$LATEST")).notifications
    assert (found.target, found.arn) == ("resize", f"{ARN}:$LATEST")
    assert "qualifier" not in notifying.declared("bkt", found)["trigger"]["s3"]


@pytest.mark.parametrize(("kind", "name"), [("queue", "jobs"), ("topic", "news")])
def test_queues_and_topics_are_told(kind: str, name: str) -> None:
    (found,) = read(one(kind=kind, suffix=".csv")).notifications
    assert (found.kind, found.target) == (kind, name)
    assert notifying.declared("bkt", found) == {
        "bucket": "bkt",
        "events": ["s3:ObjectCreated:*"],
        "suffix": ".csv",
        "id": "one",
        kind: name,
    }
    assert notifying.section_of(kind) == "notifications"


@given(
    kind=st.sampled_from(sorted(FORMS)),
    events=st.sets(
        st.sampled_from(["s3:ObjectCreated:*", "s3:ObjectCreated:Put", "s3:ObjectRemoved:*", "s3:ObjectRemoved:Delete"]), min_size=1
    ),
    prefix=st.text("ab/.é", max_size=5),
    suffix=st.text("ab/.é", max_size=5),
)
def test_what_was_put_is_got(kind: str, events: set[str], prefix: str, suffix: str) -> None:
    (found,) = read(one(kind=kind, events=tuple(events), prefix=prefix, suffix=suffix)).notifications
    told = document("NotificationConfiguration", notifying.told([found], bridged=True))
    again = notifying.read(parsed(told, "NotificationConfiguration"), "us-east-1")
    assert again == ((found,), True)


def test_events_are_got_as_they_were_put() -> None:
    whole = tuple(f"s3:ObjectCreated:{name}" for name in ("Put", "Copy", "Post", "CompleteMultipartUpload"))
    (found,) = read(one(events=whole)).notifications
    told = document("NotificationConfiguration", notifying.told([found], bridged=False)).decode()
    assert tuple(re.findall(r"<Event>(.*?)</Event>", told)) == whole
    told = document("NotificationConfiguration", notifying.told([found._replace(written=())], bridged=False)).decode()
    assert re.findall(r"<Event>(.*?)</Event>", told) == ["s3:ObjectCreated:*"]


def test_what_is_got_is_in_the_order_of_the_schema() -> None:
    found = read("".join(one(kind=kind, id_=kind, prefix=kind) for kind in ("function", "queue", "topic"))).notifications
    told = document("NotificationConfiguration", notifying.told(found, bridged=True)).decode()
    assert re.findall(r"<(\w+Configuration)\b", told)[1:] == [
        "TopicConfiguration",
        "QueueConfiguration",
        "CloudFunctionConfiguration",
        "EventBridgeConfiguration",
    ]


@pytest.mark.parametrize(
    ("inner", "told"),
    [
        (one(arn="resize"), "InvalidArgument"),
        (one(arn=QUEUE), "InvalidArgument"),
        (one(kind="queue", arn=TOPIC), "InvalidArgument"),
        (one(kind="topic", arn=f"{TOPIC}:subscription"), "InvalidArgument"),
        (one(events=()), "MalformedXML"),
        (one(events=("s3:Nothing",)), "InvalidArgument"),
        (one() + one(prefix="a"), "InvalidArgument"),
        (one() + one(kind="queue", prefix="a"), "InvalidArgument"),
        (one() + one(id_="two", prefix="a"), "InvalidArgument"),
        (one(prefix="a").replace(">prefix<", ">infix<"), "InvalidArgument"),
        (one(prefix="a" * 1025), "InvalidArgument"),
        (one(id_="a" * 256), "InvalidArgument"),
        ("<QueueConfiguration/>", "InvalidArgument"),
        ("<TopicConfiguration/>", "InvalidArgument"),
        ("<QueueConfiguration><Topic/></QueueConfiguration>", "MalformedXML"),
        ("<Other/>", "MalformedXML"),
        ("".join(one(id_=str(number), prefix=f"{number:03}") for number in range(101)), "InvalidRequest"),
    ],
)
def test_what_is_refused(inner: str, told: str) -> None:
    with pytest.raises(S3Error) as caught:
        read(inner)
    assert caught.value.code == told


@pytest.mark.parametrize(
    ("inner", "told"),
    [
        (one(kind="queue", arn=f"{QUEUE}.fifo"), "FIFO SQS queues are not supported."),
        (one(kind="topic", arn=f"{TOPIC}.fifo"), "FIFO SNS topics are not supported."),
        (
            one(kind="queue", arn=QUEUE.replace("us-east-1", "eu-west-1")),
            "The notification destination service region is not valid for the bucket location constraint",
        ),
        (
            one() + one(kind="topic", id_="two"),
            "Configurations overlap. Configurations on the same bucket cannot share a common event type.",
        ),
        (
            one(prefix="a") + one(kind="queue", id_="two", suffix="b"),
            (
                "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the prefixes are overlapping"
                " for the same event type."
            ),
        ),
        (one(id_="same") + one(kind="queue", id_="same", prefix="b"), "Same ID used for multiple configurations. IDs must be unique"),
    ],
)
def test_a_refusal_has_awss_words(inner: str, told: str) -> None:
    with pytest.raises(S3Error) as caught:
        read(inner)
    assert caught.value.message == told


def test_a_rule_of_another_name_is_told_as_it_was_sent() -> None:
    with pytest.raises(S3Error) as caught:
        read(one(prefix="a").replace(">prefix<", ">INFIX<"))
    assert caught.value.message == "filter rule name must be either prefix or suffix"
    assert caught.value.elements == {"ArgumentName": "FilterRule.Name", "ArgumentValue": "INFIX"}


def test_two_that_do_not_overlap() -> None:
    assert len(read(one(suffix=".a") + one(kind="queue", id_="two", suffix=".b")).notifications) == 2
    assert len(read(one() + one(kind="topic", id_="two", events=("s3:ObjectRemoved:*",))).notifications) == 2


def test_what_config_yaml_has_told_twice_may_be_named_as_it_is() -> None:
    found = notifying.read(
        parsed(
            f"<NotificationConfiguration>{one()}{one(id_='two', prefix='a')}</NotificationConfiguration>".encode(),
            "NotificationConfiguration",
        ),
        "us-east-1",
    ).notifications
    notifying.check_overlaps(found, {each.does for each in found})
    with pytest.raises(S3Error):
        notifying.check_overlaps(found, {found[0].does})


@given(
    keys=st.lists(st.text("ab", max_size=4), max_size=6),
    filters=st.lists(st.tuples(st.text("ab", max_size=2), st.text("ab", max_size=2)), min_size=2, max_size=2),
)
def test_filters_that_do_not_overlap_have_no_key_in_common(keys: list[str], filters: list[tuple[str, str]]) -> None:
    found = [
        Notification(f"{place}", "queue", "jobs", QUEUE, frozenset({"ObjectCreated:Put"}), *each) for place, each in enumerate(filters)
    ]
    try:
        notifying.check_overlaps(found)
    except S3Error:
        return
    for key in keys:
        assert sum(key.startswith(each.prefix) and key.endswith(each.suffix) for each in found) < 2


def test_an_id_is_made_where_none_is_given() -> None:
    made = [read(one(kind=kind, id_="")).notifications[0].id for kind in FORMS]
    again = [read(one(kind=kind, id_="")).notifications[0].id for kind in FORMS]
    assert made == again
    assert {len(each) for each in made} == {32}
    assert len(set(made)) == 3
