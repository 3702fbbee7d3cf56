"""`router event`: batches of records, of streams, queues, topics and logs."""

import hashlib
import json
from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Final

from router import names
from router.events import cloudwatch_logs, dynamodb, kinesis, sns, sqs
from router.events.shapes.shape import PLACE, Facts, Shape, mapping, whole

_ORDER: Final = '{"id": 7, "item": "tea", "quantity": 2, "status": "%s"}'
_FIRST_SEQUENCE: Final = 49_590_338_271_490_256_608_559_692_538_361_571_095_921_575_989_136_588_898  # of the samples: 56 digits
_SENDER: Final = "AIDAIENQZJOLO23YVJ4VO"


def _dynamodb(facts: Facts, at: float) -> Any:
    old, new = _row("old", facts), _row("new", facts)
    for side in (old, new):
        if side is not None and facts["key"] not in side:
            raise ValueError(f"key {facts['key']!r} is no column of {json.dumps(side)}")
        if side is not None and (isinstance(side[facts["key"]], bool) or not isinstance(side[facts["key"]], str | int | float)):
            raise ValueError(f"key {facts['key']!r} is neither a text nor a number in {json.dumps(side)}")
    if old is None and new is None:
        raise ValueError("a change has an old row, a new row or both: old={...}, new={...}")
    view = facts["view"]
    if view not in dynamodb.VIEWS:
        raise ValueError(f"view {view} is not one of {', '.join(dynamodb.VIEWS)}")
    arn = names.stream_arn(facts["region"], facts["account"], facts["table"], names.iso_ms(at).removesuffix("Z"))
    stream = dynamodb.Stream("event", arn, facts["region"], dynamodb.VIEWS[view], (facts["key"],))
    change = dynamodb.Change(number=1, mark=0, at=at, old=old, new=new)
    return {"Records": [dynamodb.record(part, stream) for part in dynamodb.split(change, stream.keys)]}


def _row(fact: str, facts: Facts) -> dynamodb.Row | None:
    """An item as JSON, e.g. {"id": 7, "item": "tea", "tags": ["a"]}; none when the fact is empty."""
    if not facts[fact]:
        return None
    item = mapping(facts, fact)
    return item or None


def _sqs(facts: Facts, at: float) -> Any:
    sent = int(at * 1000)
    message_id = facts["id"] or names.request_id()
    message = sqs.Message(
        id=message_id,
        handle=f"AQEB{b64encode(hashlib.blake2b(message_id.encode()).digest()).decode()}",
        body=facts["body"],
        sent=sent,
        first_received=sent + 1,
        sender=_SENDER,
        receives=whole(facts, "receives"),
        attributes={name: _attribute(name, value) for name, value in mapping(facts, "attributes").items()},
        group=facts["group"],
        fifo=_fifo(facts),
        dead_letter_source=_queue(facts, facts["dead-letter-source"]) if facts["dead-letter-source"] else "",
    )
    return sqs.event([message], queue_arn=_queue(facts, facts["queue"]), region=facts["region"])


def _queue(facts: Facts, name: str) -> str:
    return f"arn:aws:sqs:{facts['region']}:{facts['account']}:{name}"


def _fifo(facts: Facts) -> sqs.Fifo | None:
    if not facts["queue"].endswith(".fifo"):
        return None
    if not facts["group"]:
        raise ValueError("a queue whose name ends in .fifo has messages with a group: queue=NAME.fifo group=GROUP")
    return sqs.Fifo(facts["deduplication-id"] or hashlib.sha256(facts["body"].encode()).hexdigest(), f"{18_850_000_000_000_000_000}")


def _attribute(name: str, value: Any) -> sqs.Attribute:
    """A text is a String, a number a Number."""
    if isinstance(value, str):
        return sqs.Attribute("String", value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return sqs.Attribute("Number", json.dumps(value))
    raise ValueError(f"attributes: {name} is neither a text nor a number")


def _sns(facts: Facts, at: float) -> Any:
    topic = f"arn:aws:sns:{facts['region']}:{facts['account']}:{facts['topic']}"
    message_id = facts["id"] or names.request_id()
    endpoint = f"https://sns.{facts['region']}.amazonaws.com"
    certificate = hashlib.blake2b(facts["region"].encode(), digest_size=16).hexdigest()
    found = {name: _attribute(name, value) for name, value in mapping(facts, "attributes").items()}
    notification = sns.Notification(
        id=message_id,
        topic_arn=topic,
        message=facts["message"],
        at=at,
        subject=facts["subject"] or None,
        attributes={name: sns.Attribute(one.data_type, str(one.value)) for name, one in found.items()},
    )
    signed = sns.Signed(
        b64encode(hashlib.shake_256(message_id.encode()).digest(256)).decode(),  # of the right form; only AWS could sign it
        f"{endpoint}/SimpleNotificationService-{certificate}.pem",
    )
    return sns.event(notification, subscription_arn=f"{topic}:{names.request_id()}", signed=signed, endpoint=endpoint)


def _kinesis(facts: Facts, at: float) -> Any:
    stream = kinesis.Stream(
        f"arn:aws:kinesis:{facts['region']}:{facts['account']}:stream/{facts['stream']}",
        facts["region"],
        f"arn:aws:iam::{facts['account']}:role/{facts['role']}",
        facts["shard"],
    )
    sequence = facts["sequence"] or str(_FIRST_SEQUENCE + int(at * 1000))
    return kinesis.event([kinesis.Datum(sequence, facts["key"], facts["data"].encode(), at)], stream)


def _logs(facts: Facts, at: float) -> Any:
    lines = [
        cloudwatch_logs.Line(f"{int(at * 1000):030d}{number:026d}", int(at * 1000), message)
        for number, message in enumerate(facts["message"].split("\n"))
    ]
    stream = facts["stream"] or names.log_stream(at)
    return cloudwatch_logs.event(cloudwatch_logs.Batch(facts["account"], facts["group"], stream, [facts["filter"]], lines))


SHAPES: Final[Mapping[str, Shape]] = {
    "dynamodb": Shape(
        {"table": "orders", "key": "id", "old": _ORDER % "new", "new": _ORDER % "paid", "view": "NEW_AND_OLD_IMAGES", **PLACE}, _dynamodb
    ),
    "sqs": Shape(
        {
            "queue": "jobs",
            "body": '{"id": 7}',
            "attributes": "",  # a JSON object of texts and numbers
            "group": "",
            "deduplication-id": "",
            "receives": "1",
            "dead-letter-source": "",
            "id": "",
            **PLACE,
        },
        _sqs,
    ),
    "sns": Shape({"topic": "alerts", "message": "hello", "subject": "", "attributes": "", "id": "", **PLACE}, _sns),
    "kinesis": Shape(
        {"stream": "clicks", "key": "1", "data": "hello", "shard": "shardId-000000000000", "sequence": "", "role": "lambda", **PLACE},
        _kinesis,
    ),
    "logs": Shape({"group": "/aws/lambda/shop", "stream": "", "filter": "all", "message": "hello", **PLACE}, _logs),
}
