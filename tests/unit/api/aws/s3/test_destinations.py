"""Who lets S3 in, and the message that tries it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router import names
from router.api.aws.s3.call import Ids, S3Call
from router.api.aws.s3.destinations import Destinations
from router.api.aws.s3.errors import S3Error
from router.api.aws.s3.notifying import Notification
from router.api.aws.service import Need
from router.config.types import Config, Function, Queue, Topic
from router.iam import reading
from router.iam.policy import Policy
from router.queues.outbox import Outbox
from tests.helpers.clock import VirtualClock

REGION, ACCOUNT = "us-east-1", "123456789012"
EVENTS = frozenset({"ObjectCreated:Put"})
UNABLE = "Unable to validate the following destination configurations"
ARNS = {"queue": names.queue_arn, "topic": names.topic_arn, "function": names.function_arn}
ACTIONS = {"queue": "sqs:SendMessage", "topic": "sns:Publish", "function": "lambda:InvokeFunction"}


class Access:
    """Lets the sender do what it is told to."""

    def __init__(self, *allowed: Need) -> None:
        self.allowed = allowed

    def require(self, sender: object, need: Need, resource: Policy | None = None) -> None:
        del sender, resource
        if need not in self.allowed:
            raise S3Error("AccessDenied")


class Call(NamedTuple):
    """What of a call is looked at."""

    bucket: str = "scans"
    headers: Mapping[str, str] = {}
    sender: object = None
    access: Access = Access()
    ids: Ids = Ids("0123456789ABCDEF", "host")


def one(kind: str, target: str = "it", arn: str = "") -> Notification:
    return Notification("id", kind, target, arn or ARNS[kind](REGION, ACCOUNT, target), EVENTS)


def statement(kind: str, condition: Any = None, principal: Any = "s3.amazonaws.com") -> dict[str, Any]:
    allow = {"Effect": "Allow", "Principal": {"Service": principal}, "Action": ACTIONS[kind], "Resource": ARNS[kind](REGION, ACCOUNT, "it")}
    return allow | ({"Condition": condition} if condition else {})


def around(*statements: Any, function: str = "it") -> tuple[Destinations, Config]:
    """Everything there is has these statements."""
    document = {"Version": "2012-10-17", "Statement": list(statements)} if statements else None
    text = json.dumps(document) if document else ""
    config = Config(
        Path("/c"),
        Path("/s"),
        queues={"it": Queue("it", policy=text)},
        topics={"it": Topic("it", policy=text)},
        functions={"it": Function("it", Path("/f"), "app.handler")},
    )
    policies = {function: reading.read(document, name="", kind="resource")} if document else {}
    return Destinations(cast("Outbox", None), policies.get, VirtualClock()), config


def check(made: tuple[Destinations, Config], *found: Notification, **call: Any) -> dict[str, str]:
    """What is refused: the elements of the answer."""
    destinations, config = made
    try:
        destinations.check(cast("S3Call", Call(**call)), found, config)
    except S3Error as error:
        return {"Code": error.code, "Message": error.message, **error.elements}
    return {}


OWN = {"ArnLike": {"aws:SourceArn": "arn:aws:s3:*:*:scans"}, "StringEquals": {"aws:SourceAccount": ACCOUNT}}


@pytest.mark.parametrize("kind", sorted(ARNS))
@pytest.mark.parametrize(
    ("condition", "principal", "lets"),
    [
        (None, "s3.amazonaws.com", True),
        (OWN, "s3.amazonaws.com", True),
        ({"ArnEquals": {"aws:SourceArn": "arn:aws:s3:::scans"}}, "s3.amazonaws.com", True),
        ({"ArnEquals": {"aws:SourceArn": "arn:aws:s3:::another"}}, "s3.amazonaws.com", False),
        ({"StringEquals": {"aws:SourceAccount": "210987654321"}}, "s3.amazonaws.com", False),
        (None, "events.amazonaws.com", False),
    ],
)
def test_the_destination_s_own_policy_decides(kind: str, condition: Any, principal: str, *, lets: bool) -> None:
    told = check(around(statement(kind, condition, principal)), one(kind))
    assert (not told) == lets
    if not lets:
        assert (told["Code"], told["Message"]) == ("InvalidArgument", UNABLE)
        assert told["ArgumentName1"].removesuffix(", null") == ARNS[kind](REGION, ACCOUNT, "it")


@pytest.mark.parametrize("kind", sorted(ARNS))
def test_without_a_policy_nobody_is_let_in_and_a_deny_wins(kind: str) -> None:
    assert check(around(), one(kind))["Message"] == UNABLE
    deny = statement(kind) | {"Effect": "Deny"}
    assert check(around(statement(kind), deny), one(kind))["Message"] == UNABLE


def test_every_destination_that_is_not_told_is_named() -> None:
    elsewhere = names.queue_arn(REGION, "210987654321", "it")
    told = check(around(), one("queue"), one("topic", "gone"), one("function"), one("queue", arn=elsewhere), one("function", "gone"))
    where = names.function_arn(REGION, ACCOUNT, "it")
    assert {name: text for name, text in told.items() if name.startswith("Argument")} == {
        "ArgumentName1": names.queue_arn(REGION, ACCOUNT, "it"),
        "ArgumentValue1": "Permissions on the destination queue do not allow S3 to publish notifications from this bucket",
        "ArgumentName2": names.topic_arn(REGION, ACCOUNT, "gone"),
        "ArgumentValue2": "The destination topic does not exist",
        "ArgumentName3": f"{where}, null",
        "ArgumentValue3": f"Not authorized to invoke function [{where}]",
        "ArgumentName4": elsewhere,
        "ArgumentValue4": "The destination queue does not exist",
        "ArgumentName5": names.function_arn(REGION, ACCOUNT, "gone") + ", null",
        "ArgumentValue5": f"Not authorized to invoke function [{names.function_arn(REGION, ACCOUNT, 'gone')}]",
    }


def test_an_alias_has_a_policy_of_its_own() -> None:
    arn = names.function_arn(REGION, ACCOUNT, "it:live")
    allow = statement("function") | {"Resource": arn}
    assert check(around(allow, function="it:live"), one("function", "it:live")) == {}
    assert check(around(allow, function="it:live"), one("function"))["Message"] == UNABLE
    latest = one("function", arn=names.function_arn(REGION, ACCOUNT, "it:$LATEST"))
    allowed = statement("function") | {"Resource": latest.arn}
    assert check(around(allowed), latest) == {}


@pytest.mark.parametrize("kind", sorted(ARNS))
def test_who_has_nobody_asked_must_be_allowed_himself(kind: str) -> None:
    skip = {"x-amz-skip-destination-validation": "true"}
    need = Need(ACTIONS[kind], one(kind).arn)
    assert check(around(), one(kind), headers=skip)["Code"] == "AccessDenied"
    assert check(around(), one(kind), headers=skip, access=Access(need)) == {}
    assert check(around(statement(kind)), one(kind), headers=skip) == {}
    assert check(around(), one(kind, "gone"), headers=skip, access=Access(need))["Message"] == UNABLE


class Box:
    """An outbox that remembers."""

    def __init__(self) -> None:
        self.posted: list[Any] = []
        self.rung: list[Any] = []

    def post(self, connection: object, parcels: Any) -> None:
        del connection
        self.posted += parcels

    def landed(self, parcels: Any) -> None:
        self.rung += parcels


def test_each_queue_and_topic_gets_one_message_that_tries_it() -> None:
    box, (_, config) = Box(), around()
    destinations = Destinations(cast("Outbox", box), {}.get, VirtualClock())
    found = (one("queue"), replace_id(one("queue")), one("topic"), one("function"))
    trial = destinations.trial(cast("S3Call", Call()), found, config)
    for write in trial.beside:
        write(cast("Any", None))
    trial.landed()
    assert [(each.to.kind, each.to.name, each.terms.subject) for each in box.posted] == [
        ("queue", "it", "Amazon S3 Notification"),
        ("topic", "it", "Amazon S3 Notification"),
    ]
    assert box.rung == box.posted
    body = json.loads(box.posted[0].body)
    assert body.pop("Time").endswith("Z")
    assert body == {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "scans", "RequestId": "0123456789ABCDEF", "HostId": "host"}
    skip = Call(headers={"x-amz-skip-destination-validation": "TRUE"})
    assert destinations.trial(cast("S3Call", skip), found, config).beside == ()
    assert destinations.trial(cast("S3Call", Call()), (one("function"),), config).beside == ()


def replace_id(found: Notification) -> Notification:
    return found._replace(id="another", prefix="x/")


@given(kind=st.sampled_from(sorted(ARNS)), target=st.text(max_size=12), arn=st.text(max_size=40))
def test_what_is_not_here_is_never_told(kind: str, target: str, arn: str) -> None:
    made = around(statement(kind) | {"Resource": "*"})
    if (target, arn) != ("it", ARNS[kind](REGION, ACCOUNT, "it")):
        assert check(made, Notification("id", kind, target, arn, EVENTS))["Message"] == UNABLE
