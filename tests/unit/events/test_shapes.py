"""`router event` and `router schedules next`: pure answers on stdout."""

import json
from typing import Any
from urllib.parse import unquote_plus

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from router.cli.group import root
from router.events.shapes import SHAPES, UnfitFact, built

NOW = 1_790_000_000.0


def run(*words: str) -> Result:
    return CliRunner().invoke(root, list(words))


def event(kind: str, **facts: str) -> Any:
    return built(SHAPES[kind], facts, NOW)


@pytest.mark.parametrize("kind", SHAPES)
def test_every_type_is_printed_as_json_with_its_defaults(kind: str) -> None:
    assert json.loads(run("event", kind).stdout)


@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_a_handler_gets_the_key_back(key: str) -> None:
    stored = event("s3-put", key=key)["Records"][0]["s3"]["object"]
    assert unquote_plus(stored["key"]) == key


def test_facts_reach_the_event() -> None:
    record = event("s3-put", bucket="inbox", size="7", region="eu-west-1", time="2026-11-23T08:00:00.5Z")["Records"][0]
    assert (record["s3"]["bucket"]["name"], record["s3"]["object"]["size"]) == ("inbox", 7)
    assert (record["awsRegion"], record["eventTime"]) == ("eu-west-1", "2026-11-23T08:00:00.500Z")
    assert event("s3-delete")["Records"][0]["eventName"] == "ObjectRemoved:Delete"


def test_s3_types_are_told_apart_by_what_happened() -> None:
    names = {kind: event(kind)["Records"][0]["eventName"] for kind in ("s3-put", "s3-copy", "s3-multipart", "s3-delete")}
    assert names == {
        "s3-put": "ObjectCreated:Put",
        "s3-copy": "ObjectCreated:Copy",
        "s3-multipart": "ObjectCreated:CompleteMultipartUpload",
        "s3-delete": "ObjectRemoved:Delete",
    }
    marked = event("s3-delete", marker="true", **{"version-id": "v-1"})["Records"][0]
    assert (marked["eventName"], marked["s3"]["object"]["versionId"]) == ("ObjectRemoved:DeleteMarkerCreated", "v-1")
    assert event("s3-multipart")["Records"][0]["s3"]["object"]["eTag"].endswith("-2")
    assert event("s3-put", **{"event-version": "2.6"})["Records"][0]["eventVersion"] == "2.6"


def test_s3_through_eventbridge_names_its_event() -> None:
    made = event("s3-eventbridge", event="s3:ObjectTagging:Put", key="a b.txt")
    assert (made["detail-type"], made["detail"]["object"]["key"]) == ("Object Tags Added", "a b.txt")
    assert event("s3-eventbridge")["detail"]["reason"] == "PutObject"


def test_each_http_gateway_has_its_own_shape() -> None:
    facts = {"method": "post", "path": "/a%20b/c", "query": "x=1&x=2", "body": "{}", "headers": '{"X-Many": ["1", "2"], "cookie": "c=1"}'}
    http, rest, url, alb = (event(kind, **facts) for kind in ("http", "rest", "url", "alb"))
    assert (http["rawPath"], http["cookies"], http["headers"]["x-many"]) == ("/a b/c", ["c=1"], "1,2")
    assert (rest["path"], rest["requestContext"]["path"], rest["multiValueHeaders"]["X-Many"]) == ("/a%20b/c", "/prod/a%20b/c", ["1", "2"])
    assert (url["rawPath"], url["requestContext"]["accountId"]) == ("/a%20b/c", "anonymous")
    assert (alb["path"], alb["queryStringParameters"], "headers" in alb) == ("/a%20b/c", {"x": "2"}, True)
    assert event("alb", **facts, **{"multi-value": "true"})["multiValueQueryStringParameters"] == {"x": ["1", "2"]}
    assert event("http", **facts, payload="1.0")["version"] == "1.0"
    assert event("rest", body="x", binary="image/*", **{"content-type": "image/png"})["isBase64Encoded"] is True


def test_an_authorizer_is_asked_about_a_method() -> None:
    token = event("authorizer-token", token="allow", method="get", path="/orders/7", stage="test")
    assert set(token) == {"type", "methodArn", "authorizationToken"}
    assert token["methodArn"].startswith("arn:aws:execute-api:us-east-1:123456789012:")
    assert token["methodArn"].endswith("/test/GET/orders/7")
    rest = event("authorizer-request", headers='{"Authorization": "x"}', body="hi")
    assert (rest["type"], rest["headers"]["Authorization"], rest["requestContext"]["stage"]) == ("REQUEST", "x", "prod")
    assert not {"body", "isBase64Encoded", "version"} & set(rest)
    first, second = (event("authorizer-request", payload=payload, identity="a,b") for payload in ("1.0", "2.0"))
    assert (first["version"], first["identitySource"]) == ("1.0", "a,b")
    assert (second["version"], second["identitySource"]) == ("2.0", ["a", "b"])


def test_records_carry_what_their_facts_say() -> None:
    message = event("sqs", queue="jobs.fifo", group="g", attributes='{"n": 6, "t": "x"}', receives="3")["Records"][0]
    assert (message["attributes"]["MessageGroupId"], message["attributes"]["ApproximateReceiveCount"]) == ("g", "3")
    assert {name: one["dataType"] for name, one in message["messageAttributes"].items()} == {"n": "Number", "t": "String"}
    assert event("sqs", **{"dead-letter-source": "jobs"})["Records"][0]["attributes"]["DeadLetterQueueSourceArn"].endswith(":jobs")
    assert event("sns", subject="s")["Records"][0]["Sns"]["Subject"] == "s"
    assert event("sns")["Records"][0]["Sns"]["Subject"] is None
    assert event("kinesis", data="hello")["Records"][0]["kinesis"]["data"] == "aGVsbG8="
    assert len(event("kinesis")["Records"][0]["kinesis"]["sequenceNumber"]) == 56
    assert set(event("logs")["awslogs"]) == {"data"}


def test_anybodys_event_may_be_printed_also_awss_own() -> None:
    made = event("eventbridge", source="aws.ec2", detail='{"state": "pending"}', resources="arn:a, arn:b", **{"replay-name": "again"})
    assert (made["source"], made["detail"], made["resources"]) == ("aws.ec2", {"state": "pending"}, ["arn:a", "arn:b"])
    assert made["replay-name"] == "again"


def test_an_item_may_hold_every_type_json_has() -> None:
    image = event("dynamodb", old="", new='{"id": 7, "tags": ["a"], "paid": true, "by": {"name": null}}')["Records"][0]["dynamodb"][
        "NewImage"
    ]
    assert image["tags"] == {"L": [{"S": "a"}]}
    assert (image["paid"], image["by"]) == ({"BOOL": True}, {"M": {"name": {"NULL": True}}})
    assert "OldImage" not in event("dynamodb", view="NEW_IMAGE")["Records"][0]["dynamodb"]


def test_an_http_event_has_the_variables_of_its_route() -> None:
    made = event("http", method="post", path="/orders/a%20b", route="POST /orders/{id}", query="x=1", body='{"a": 1}')
    assert (made["routeKey"], made["rawPath"]) == ("POST /orders/{id}", "/orders/a b")
    assert (made["pathParameters"], made["queryStringParameters"]) == ({"id": "a b"}, {"x": "1"})
    assert (made["body"], made["isBase64Encoded"]) == ('{"a": 1}', False)


@pytest.mark.parametrize(
    ("facts", "names"), [({}, ["MODIFY"]), ({"old": ""}, ["INSERT"]), ({"new": ""}, ["REMOVE"]), ({"key": "status"}, ["REMOVE", "INSERT"])]
)
def test_a_changed_row_has_the_records_of_a_stream(facts: dict[str, str], names: list[str]) -> None:
    records = event("dynamodb", **facts)["Records"]
    assert [record["eventName"] for record in records] == names
    assert records[-1]["eventSourceARN"].startswith("arn:aws:dynamodb:us-east-1:123456789012:table/orders/stream/")


def test_ticks_have_their_time_and_source() -> None:
    rule, scheduler = event("schedule", time="2026-11-23T08:00:00Z"), event("scheduler", name="nightly")
    assert (rule["source"], rule["time"]) == ("aws.events", "2026-11-23T08:00:00Z")
    assert scheduler["source"] == "aws.scheduler"
    assert scheduler["resources"][0].endswith("/nightly")


@pytest.mark.parametrize(
    ("kind", "facts"),
    [
        ("s3-put", {"size": "many"}),
        ("s3-put", {"size": "-1"}),
        ("s3-put", {"time": "noon"}),
        ("s3-put", {"time": "9999-12-31T23:59:59-23:00"}),
        ("dynamodb", {"old": "", "new": ""}),
        ("dynamodb", {"new": "[]"}),
        ("dynamodb", {"new": "{"}),
        ("dynamodb", {"new": '{"id": true}'}),
        ("dynamodb", {"key": "number"}),
        ("dynamodb", {"new": '{"id": null}'}),
        ("dynamodb", {"new": '{"id": NaN}'}),
        ("dynamodb", {"view": "ALL"}),
        ("s3-put", {"event-version": "3.0"}),
        ("s3-delete", {"marker": "yes"}),
        ("s3-delete", {"marker": "true"}),
        ("s3-eventbridge", {"event": "ObjectMade:Put"}),
        ("eventbridge", {"detail": "[]"}),
        ("eventbridge", {"source": ""}),
        ("sqs", {"queue": "jobs.fifo", "deduplication-id": "d"}),
        ("sqs", {"queue": "jobs.fifo"}),
        ("sqs", {"attributes": '{"a": null}'}),
        ("sqs", {"attributes": "[]"}),
        ("sqs", {"receives": "often"}),
        ("http", {"headers": '{"a": 1}'}),
        ("http", {"headers": '{"ä": "b"}'}),
        ("http", {"payload": "3.0"}),
        ("http", {"path": "orders"}),
        ("alb", {"multi-value": "1"}),
        ("authorizer-request", {"payload": "3.0"}),
        ("authorizer-token", {"route": "GET /other"}),
        ("http", {"route": "GET /other"}),
        ("http", {"route": "other"}),
        ("http", {"path": "/%zz"}),
        ("http", {"method": "SHOUT"}),
    ],
)
def test_an_unfit_fact_is_one_sentence(kind: str, facts: dict[str, str]) -> None:
    with pytest.raises(UnfitFact, match=r"."):
        event(kind, **facts)
    done = run("event", kind, *(f"{key}={value}" for key, value in facts.items()))
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("Error: ")


def test_what_is_no_json_is_told_by_its_name() -> None:
    with pytest.raises(UnfitFact, match=r"^headers is no JSON object$"):
        built(SHAPES["http"], {"headers": "x"}, 0.0)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["s3put"], "no type of event; did you mean s3-put?"),
        (["nonsense"], "no type of event; there are s3-put, "),
        (["s3-put", "bukcet=x"], "bukcet is no fact of s3-put; did you mean bucket?"),
        (["s3-put", "zzz=x"], "zzz is no fact of s3-put; s3-put has "),
        (["s3-put", "bucket"], "'bucket' is no fact: write key=value"),
    ],
)
def test_what_is_not_known_is_refused_with_what_is(words: list[str], said: str) -> None:
    done = run("event", *words)
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr


def test_fire_times_are_utc_and_skip_the_weekend() -> None:
    words = [
        "schedules",
        "next",
        "cron(0 8 ? * MON-FRI *)",
        "--timezone",
        "Europe/Berlin",
        "--from",
        "2026-03-27T12:00:00Z",
        "--count",
        "2",
    ]
    assert run(*words).stdout == "2026-03-30T06:00:00Z\n2026-03-31T06:00:00Z\n"
    assert json.loads(run(*words, "--output", "json").stdout) == ["2026-03-30T06:00:00Z", "2026-03-31T06:00:00Z"]


def test_a_rate_counts_from_the_given_time() -> None:
    assert run("schedules", "next", "rate(5 minutes)", "--from", "2026-01-01", "--count", "1").stdout == "2026-01-01T00:05:00Z\n"


def test_a_time_gone_by_fires_never_again() -> None:
    done = run("schedules", "next", "at(2020-01-01T00:00:00)")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "never again\n")
    assert json.loads(run("schedules", "next", "at(2020-01-01T00:00:00)", "--output", "json").stdout) == []


@pytest.mark.parametrize("words", [["cron(60 0 * * ? *)"], ["rate(1 minutes)"], ["rate(1 minute)", "--timezone", "Mars/Olympus"]])
def test_a_wrong_expression_or_zone_is_refused(words: list[str]) -> None:
    done = run("schedules", "next", *words)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("Error: ")
