"""`router event`: S3 notifications, and S3 through EventBridge."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from router import names
from router.events import s3, s3_eventbridge
from router.events.eventbridge import Place
from router.events.shapes.shape import PLACE, Facts, Shape, truth, whole

COPIED: Final = "ObjectCreated:Copy"
ASSEMBLED: Final = "ObjectCreated:CompleteMultipartUpload"

_DECIDED: Final = frozenset({"region", "account", "event-version"})
_FILE: Final = {
    "bucket": "uploads",
    "key": "report.csv",
    "sequencer": "",
    "version-id": "",
    "source-ip": "127.0.0.1",
    "event-version": s3.RECORDED,
    **PLACE,
}
_MADE: Final = {"size": "1024", "etag": s3.NOTHING, **_FILE}


def _change(facts: Facts, at: float) -> s3.ObjectChange:
    return s3.ObjectChange(
        bucket=facts["bucket"],
        key=facts["key"],
        size=whole(facts, "size") if "size" in facts else 0,
        etag=facts.get("etag", ""),
        sequencer=facts["sequencer"] or s3.sequencer(int(at * 1e9)),
        at=datetime.fromtimestamp(at, UTC),
        version_id=facts["version-id"],
    )


def _notification(facts: Facts, at: float, name: str) -> Any:
    version = facts["event-version"]
    if version not in s3.VERSIONS:
        raise ValueError(f"event-version {version} is not one of {', '.join(s3.VERSIONS)}")
    change = _change(facts, at)
    return s3.notification(
        change,
        name=name,
        region=facts["region"],
        account=facts["account"],
        configuration=s3.configuration_id("", change.bucket, s3.Filter(frozenset({name}))),
        version=version,
        caller=s3.Caller(source_ip=facts["source-ip"]),
    )


def _of(name: str) -> Callable[[Facts, float], Any]:
    return lambda facts, at: _notification(facts, at, name)


def _delete(facts: Facts, at: float) -> Any:
    marker = truth(facts, "marker")
    if marker and not facts["version-id"]:
        raise ValueError("a delete marker has a version: say version-id=...")
    return _notification(facts, at, s3.MARKED if marker else s3.REMOVED)


def _through_eventbridge(facts: Facts, at: float) -> Any:
    change, name = _change(facts, at), facts["event"].removeprefix("s3:")
    request_id = s3.notification(change, name=s3.CREATED, region="", account="", configuration="")["Records"][0]["responseElements"]
    request = s3_eventbridge.Request(request_id["x-amz-request-id"], facts["account"], facts["source-ip"])
    place = Place(facts["region"], facts["account"])
    return s3_eventbridge.event(change, name, request, event_id=facts["id"] or names.request_id(), place=place)


SHAPES: Final[Mapping[str, Shape]] = {
    "s3-put": Shape(_MADE, _of(s3.CREATED), decided=_DECIDED),
    "s3-copy": Shape(_MADE, _of(COPIED), decided=_DECIDED),
    "s3-multipart": Shape({**_MADE, "size": "10485760", "etag": f"{s3.NOTHING}-2"}, _of(ASSEMBLED), decided=_DECIDED),
    "s3-delete": Shape({"marker": "false", **_FILE}, _delete, decided=_DECIDED),
    "s3-eventbridge": Shape(
        {"event": s3.CREATED, "id": "", **{name: value for name, value in _MADE.items() if name != "event-version"}}, _through_eventbridge
    ),
}
