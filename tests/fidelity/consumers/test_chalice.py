"""Chalice reads our events with its own handlers: REST API requests over the wire, records of every source it knows."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from chalice import Chalice

from tests.fidelity.consumers.exchange import Answer, ask
from tests.fidelity.consumers.made import ACCOUNT, BYTES, KEY, REGION, SEQUENCE, TEXT, TIME, UUID, made
from tests.fidelity.consumers.sent import sent
from tests.fidelity.consumers.site import Headers, Site
from tests.fidelity.consumers.table import EVERY_BYTE, told

OCTETS = ("Content-Type", "application/octet-stream")


def request(site: Site, method: str, target: str, headers: Headers = (), body: bytes = b"") -> Answer:
    return ask(site.port, method, target, list(headers), body)


def test_a_route_with_a_variable(site: Site) -> None:
    answer = request(site, "GET", "/chalice/pets/rex?a=1&a=2&name=Gr%C3%BC%C3%9Fe", [("X-Probe", "one")])
    assert answer.status == 200
    assert answer.every("content-type") == ("application/json",)
    assert json.loads(answer.body) == {
        "name": "rex",
        "method": "GET",
        "path": "/chalice/pets/{name}",
        "uri": {"name": "rex"},
        "query": {"a": ["1", "2"], "name": ["Gr\u00fc\u00dfe"]},
        "probe": "one",
        "stage": "prod",
        "source": "127.0.0.1",
        "variables": None,
    }


def test_without_a_query_there_are_no_parameters(site: Site) -> None:
    answer = request(site, "DELETE", "/chalice/pets/rex")
    assert (json.loads(answer.body)["query"], json.loads(answer.body)["method"]) == (None, "DELETE")


def test_a_json_body(site: Site) -> None:
    answer = request(site, "POST", "/chalice/pets", [("Content-Type", "application/json")], b'{"name": "rex"}')
    assert (answer.status, json.loads(answer.body)) == (200, {"created": {"name": "rex"}})


def test_a_binary_body(site: Site) -> None:
    answer = request(site, "PUT", "/chalice/pets", [OCTETS], EVERY_BYTE)
    assert (answer.status, json.loads(answer.body)) == (200, told(EVERY_BYTE))


def test_a_binary_answer_for_who_accepts_it(site: Site) -> None:
    answer = request(site, "GET", "/chalice/raw", [("Accept", "application/octet-stream")])
    assert (answer.status, answer.body) == (201, EVERY_BYTE)
    assert answer.every("set-cookie") == ("a=1", "b=2")
    assert request(site, "GET", "/chalice/raw").status == 400  # Chalice's own refusal


def test_refusals_of_the_view(site: Site) -> None:
    answer = request(site, "GET", "/chalice/pets/nobody")
    assert (answer.status, json.loads(answer.body)) == (404, {"Code": "NotFoundError", "Message": "no such pet"})
    assert request(site, "POST", "/chalice/pets", [("Content-Type", "application/json")], b"{}").status == 400
    assert request(site, "POST", "/chalice/pets", [("Content-Type", "image/png")], b"x").status == 415
    assert request(site, "GET", "/chalice/pets/crash").status == 500


def test_a_redirect(site: Site) -> None:
    answer = request(site, "GET", "/chalice/old")
    assert (answer.status, answer.every("location")) == (301, ("/chalice/new",))


class Records:
    """A Chalice app with a handler for each source; what a handler says of the event is its result."""

    def __init__(self) -> None:
        app = Chalice(app_name="records")

        @app.on_s3_event(bucket="inbox")
        def s3(event: Any) -> Any:
            return event.bucket, event.key

        @app.on_sns_message(topic="news")
        def sns(event: Any) -> Any:
            return event.message, event.subject, event.message_attributes

        @app.on_sqs_message(queue="jobs")
        def sqs(event: Any) -> Any:
            return [(record.body, record.receipt_handle) for record in event]

        @app.on_kinesis_record(stream="clicks")
        def kinesis(event: Any) -> Any:
            return [(record.data, record.partition_key, record.sequence_number, record.timestamp) for record in event]

        @app.on_dynamodb_record(stream_arn="arn:aws:dynamodb:::table/orders")
        def dynamodb(event: Any) -> Any:
            return [(record.event_name, record.table_name, record.keys, record.old_image, record.new_image) for record in event]

        @app.schedule("rate(1 hour)")
        def schedule(event: Any) -> Any:
            return event.detail_type, event.source, event.detail, event.resources, event.time

        @app.on_cw_event({"source": ["shop"]})
        def bus(event: Any) -> Any:
            return event.detail_type, event.source, event.detail, event.event_id, event.account, event.region

        self.s3, self.sns, self.sqs, self.kinesis = s3, sns, sqs, kinesis
        self.dynamodb, self.schedule, self.bus = dynamodb, schedule, bus


@pytest.fixture(scope="module")
def records() -> Records:
    return Records()


def test_objects(records: Records) -> None:
    assert records.s3(sent("s3-put", bucket="inbox", key=KEY), None) == ("inbox", KEY)
    assert records.s3(sent("s3-delete", bucket="inbox", key=KEY), None) == ("inbox", KEY)


def test_notifications(records: Records) -> None:
    message, subject, attributes = records.sns(made("sns"), None)
    assert (message, subject, attributes["kind"]) == (TEXT, "hello", {"Type": "String", "Value": "order"})


def test_messages(records: Records) -> None:
    assert records.sqs(made("sqs"), None) == [(TEXT, "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a"), ("plain", "AQEBzWwaftRI0KuVm4tP")]


@pytest.mark.filterwarnings("ignore:.*utcfromtimestamp:DeprecationWarning")
def test_stream_records(records: Records) -> None:
    at = TIME.replace(tzinfo=None)
    assert records.kinesis(made("kinesis"), None) == [
        (TEXT.encode(), "a", SEQUENCE, at),
        (BYTES, "b", str(int(SEQUENCE) + 1), at),
    ]


@pytest.mark.filterwarnings("ignore:.*utcfromtimestamp:DeprecationWarning")
def test_rows(records: Records) -> None:
    event = sent("dynamodb", old='{"id": 7, "item": "tea"}', new='{"id": 7, "item": null}')
    before, after = {"id": {"N": "7"}, "item": {"S": "tea"}}, {"id": {"N": "7"}, "item": {"NULL": True}}
    assert records.dynamodb(event, None) == [("MODIFY", "orders", {"id": {"N": "7"}}, before, after)]


def test_schedules(records: Records) -> None:
    detail_type, source, detail, resources, time = records.schedule(sent("schedule", name="nightly"), None)
    assert (detail_type, source, detail) == ("Scheduled Event", "aws.events", {})
    assert resources == ["arn:aws:events:us-east-1:123456789012:rule/nightly"]
    assert datetime.fromisoformat(time) == TIME.replace(microsecond=0, tzinfo=UTC)


def test_events_of_a_bus(records: Records) -> None:
    detail = {"total": 12.5, "items": ["tea"]}
    assert records.bus(made("eventbridge"), None) == ("Order Placed", "shop", detail, UUID, ACCOUNT, REGION)
