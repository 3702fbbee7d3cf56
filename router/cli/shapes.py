"""The events that `router event` prints: a table of builders, each with the facts it is made of and their defaults.

Nothing here but facts is ours: the shapes are those that the sources emit (router/events)."""

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from router import names
from router.cli.text import moment
from router.events import dynamodb, http_api, routes, s3, scheduled
from router.events.gateway import FREE, Api, Arrival, Asked
from router.events.http import Request

Facts = Mapping[str, str]

PLACE: Final = {"region": "us-east-1", "account": "123456789012", "time": ""}  # time: now unless it is said


class UnfitFact(ValueError):
    """A fact that no event can be made of; the text says what would be right."""


@dataclass(frozen=True, slots=True)
class Shape:
    """One type of event."""

    facts: Facts  # names and defaults
    build: Callable[[Facts, float], Any]  # facts and the time in epoch seconds to the event


def built(shape: Shape, given: Facts, now: float) -> Any:
    """The event of *shape* with the facts in *given* and the defaults of the rest. Raises UnfitFact."""
    facts = {**shape.facts, **given}
    try:
        at = moment(facts["time"], now) if facts["time"] else now
        return shape.build(facts, at)
    except (ValueError, OverflowError) as error:
        raise UnfitFact(str(error)) from error


def _size(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"size {text!r} is no number of bytes")
    return int(text)


def _object(facts: Facts, at: float, name: str) -> Any:
    change = s3.ObjectChange(
        bucket=facts["bucket"],
        key=facts["key"],
        size=_size(facts.get("size", "0")),
        etag=facts.get("etag", ""),
        sequencer=facts["sequencer"] or s3.sequencer(int(at * 1e9)),
        at=datetime.fromtimestamp(at, UTC),
    )
    configuration = s3.configuration_id("", change.bucket, s3.Filter(frozenset({name})))
    return s3.notification(change, name=name, region=facts["region"], account=facts["account"], configuration=configuration)


def _put(facts: Facts, at: float) -> Any:
    return _object(facts, at, s3.CREATED)


def _delete(facts: Facts, at: float) -> Any:
    return _object(facts, at, s3.REMOVED)


def _http(facts: Facts, at: float) -> Any:
    method, segments = facts["method"].upper(), routes.segments_of(facts["path"])
    route = routes.parse(facts["route"] or f"{method} {'/'.join(segments)}")
    table: routes.RouteTable[None] = routes.RouteTable()
    table.add(route, None)
    match = table.find(method, facts["path"])
    if match is None:
        raise ValueError(f"{method} {facts['path']} does not match the route {route.key}")
    headers = [("host", facts["host"]), ("user-agent", facts["user-agent"]), ("accept", "*/*")]
    body = facts["body"].encode()
    if body:
        headers.append(("content-type", facts["content-type"]))
    target = facts["path"] + (f"?{facts['query']}" if facts["query"] else "")
    request = Request(method, target, headers, body, peer=facts["source-ip"], host=facts["host"], port=8080)
    trace = f"Root=1-{int(at):08x}-{uuid.uuid4().hex[:24]}"
    arrival = Arrival(uuid.uuid4().hex[:15] + "=", trace, at)
    asked = Asked(request, "/".join(segments), route.key, match.parameters)
    return http_api.event(asked, Api(facts["account"], "api-id"), arrival, FREE)


def _firing(facts: Facts, at: float) -> scheduled.Firing:
    return scheduled.Firing(facts["name"], facts["region"], facts["account"], at, facts["id"] or names.request_id())


def _rule(facts: Facts, at: float) -> Any:
    return scheduled.rule_event(_firing(facts, at))


def _scheduler(facts: Facts, at: float) -> Any:
    return scheduled.scheduler_event(_firing(facts, at))


def _records(facts: Facts, at: float) -> Any:
    old, new = _row("old", facts), _row("new", facts)
    for side in (old, new):
        if side is not None and facts["key"] not in side:
            raise ValueError(f"key {facts['key']!r} is no column of {json.dumps(side)}")
    if old is None and new is None:
        raise ValueError("a change has an old row, a new row or both: old={...}, new={...}")
    arn = names.stream_arn(facts["region"], facts["account"], facts["table"], names.iso_ms(at).removesuffix("Z"))
    stream = dynamodb.Stream("event", arn, facts["region"], "NEW_AND_OLD_IMAGES", (facts["key"],))
    change = dynamodb.Change(number=1, mark=0, at=at, old=old, new=new)
    return {"Records": [dynamodb.record(part, stream) for part in dynamodb.split(change, stream.keys)]}


def _row(fact: str, facts: Facts) -> dynamodb.Row | None:
    """A row as JSON, e.g. {"id": 7, "item": "tea"}; none when the fact is empty."""
    if not facts[fact]:
        return None
    row = json.loads(facts[fact])
    if not isinstance(row, dict) or any(isinstance(value, bool | list | dict) for value in row.values()):
        raise ValueError(f"{fact} is no row: write a JSON object of numbers, strings and nulls")
    return row


_ORDER: Final = '{"id": 7, "item": "tea", "quantity": 2, "status": "%s"}'
_FILE: Final = {"bucket": "uploads", "key": "report.csv", "sequencer": "", **PLACE}
_TICK: Final = {"name": "every-minute", "id": "", **PLACE}

SHAPES: Final[Mapping[str, Shape]] = {
    "s3-put": Shape({"size": "1024", "etag": "d41d8cd98f00b204e9800998ecf8427e", **_FILE}, _put),
    "s3-delete": Shape(_FILE, _delete),
    "http": Shape(
        {
            "method": "GET",
            "path": "/orders/7",
            "query": "",
            "body": "",
            "route": "",
            "host": "127.0.0.1:8080",
            "source-ip": "127.0.0.1",
            "user-agent": "curl/8.0",
            "content-type": "application/json",
            "account": PLACE["account"],
            "time": "",
        },
        _http,
    ),
    "schedule": Shape(_TICK, _rule),
    "scheduler": Shape(_TICK, _scheduler),
    "dynamodb": Shape({"table": "orders", "key": "id", "old": _ORDER % "new", "new": _ORDER % "paid", **PLACE}, _records),
}

# Of the design, not built yet; said so instead of "unknown".
LATER: Final = (
    *("s3-copy", "s3-multipart", "s3-eventbridge", "rest", "url", "alb", "eventbridge"),
    *("sqs", "sns", "kinesis", "logs", "authorizer-token", "authorizer-request"),
)
