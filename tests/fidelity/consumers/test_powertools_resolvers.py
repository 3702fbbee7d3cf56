"""Powertools' event handler routes our requests behind every face; its batch processor's answers say to ours what it means."""

import gzip
import json
from typing import Any

import pytest
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

from router.events import batch_responses
from tests.fidelity.consumers.made import made
from tests.fidelity.consumers.site import Site
from tests.fidelity.consumers.table import EVERY_BYTE, FACES

JSON = ("Content-Type", "application/json")
faces = pytest.mark.parametrize("face", FACES)


@faces
def test_a_route_with_a_variable(site: Site, face: str) -> None:
    answer = site.ask(face, "powertools", "GET", "/orders/7?a=1&a=2", [("X-Probe", "one"), ("Cookie", "c=3; d=4")])
    assert answer.status == 200, answer
    seen = json.loads(answer.body)
    assert (seen["number"], seen["method"], seen["cookies"]) == ("7", "GET", {"c": "3", "d": "4"})
    assert seen["query"] == {"a": ["2"] if face == "alb" else ["1", "2"]}
    assert seen["probe"] in ("one", ["one"])


@faces
def test_an_answer_with_cookies(site: Site, face: str) -> None:
    answer = site.ask(face, "powertools", "POST", "/orders", [JSON], b'{"item": "tea"}')
    assert (answer.status, json.loads(answer.body), answer.every("location")) == (201, {"item": "tea"}, ("/orders/7",))
    assert answer.every("content-type") == ("application/json",)
    assert answer.every("set-cookie") == (("b=2",) if face == "alb" else ("a=1", "b=2"))  # one value for each name


@faces
def test_refusals(site: Site, face: str) -> None:
    answer = site.ask(face, "powertools", "POST", "/orders", [JSON], b"{}")
    assert (answer.status, json.loads(answer.body)) == (400, {"statusCode": 400, "message": "no item"})
    assert site.ask(face, "powertools", "GET", "/nowhere").status == 404
    assert site.ask(face, "powertools", "GET", "/fail").status == (500 if face in {"http", "http1"} else 502)


@faces
def test_compressed_bytes(site: Site, face: str) -> None:
    answer = site.ask(face, "powertools", "GET", "/raw", [("Accept-Encoding", "gzip")])
    assert answer.every("content-encoding") == ("gzip",)
    assert gzip.decompress(answer.body) == EVERY_BYTE


def failing(second: bool) -> Any:
    def handle(record: Any) -> None:
        handle.seen += 1
        if second and handle.seen == 2:
            raise ValueError("the second record is bad")

    handle.seen = 0
    return handle


@pytest.mark.parametrize(
    ("name", "kind", "identifier"),
    [
        ("sqs", EventType.SQS, lambda record: record["messageId"]),
        ("kinesis", EventType.KinesisDataStreams, lambda record: record["kinesis"]["sequenceNumber"]),
    ],
)
def test_partial_batches(name: str, kind: EventType, identifier: Any) -> None:
    event = made(name)
    ids = [identifier(record) for record in event["Records"]]
    for second, failed in ((True, {ids[1]}), (False, set())):
        result = process_partial_response(
            event=event, record_handler=failing(second), processor=BatchProcessor(event_type=kind), context=None
        )
        assert batch_responses.failed(json.dumps(result).encode(), ids) == failed
