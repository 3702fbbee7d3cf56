"""Which triggers match, and why the others do not."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.api.explaining import Finding, of_event, of_path, of_request
from router.clock import SystemClock
from router.config.load import load
from router.config.types import Config
from router.daemon import sources
from router.errors import InvalidParameter
from router.events.http import Request
from router.events.shapes import SHAPES, built
from router.sources import SECTIONS, TRIGGERS
from router.sources.base import House
from router.sources.http import HttpSource
from router.telemetry.metrics import Metrics

CONFIG = """
version: 1
buckets: {inbox: ./inbox, unused: ./unused}
tables: {orders: {sqlite: ./o.db, table: orders}}
queues: {jobs: {}}
topics: {news: {}}
notifications: {zips: {bucket: inbox, queue: jobs, suffix: .zip}, gone: {bucket: inbox, topic: news, events: ObjectRemoved:*}}
rules: {large: {pattern: {source: [shop], detail: {total: [{numeric: [">", 1000]}]}}, targets: [{queue: jobs}]}}
functions:
  a:
    code: .
    handler: app.h
    triggers:
      - s3: {bucket: inbox, prefix: in/, suffix: .csv}
      - http: POST /images/{id}
      - http: {route: "ANY /{proxy+}", api: rest, base_path: /v1}
      - url: none
      - webhook: {path: /hook, provider: github, secret: s}
      - event: {pattern: {source: [shop], detail: {total: [{numeric: [">", 100]}], kind: [order]}}}
      - table: {name: orders, filter: [{eventName: [INSERT]}]}
      - queue: {name: jobs, filter: [{body: {kind: [order]}}]}
      - sns: {topic: news, filter: {kind: [order]}}
  b:
    code: .
    handler: app.h
    triggers:
      - s3: inbox
      - http: GET /images/7
      - http: ANY /images/{id}
"""


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    directory = tmp_path_factory.mktemp("why")
    (directory / "app.py").write_text("def h(event, context): pass\n")
    (directory / "config.yaml").write_text(CONFIG)
    return load(directory / "config.yaml", TRIGGERS, sections=SECTIONS)


def told(found: list[Finding]) -> list[tuple[str, bool, str]]:
    return [(finding.function, finding.matches, finding.why) for finding in found]


# -- files


def test_a_files_triggers_say_what_of_its_key_they_miss(config: Config) -> None:
    inbox = config.buckets["inbox"].path
    assert [(name, matches) for name, matches, _ in told(of_path(inbox / "in/x.csv", config))] == [
        ("a", True),
        ("b", True),
        ("queue:jobs", False),
        ("topic:news", True),
    ]
    *_, zips, gone = of_path(inbox / "x.zip", config)
    assert (zips.function, zips.trigger, zips.matches) == ("queue:jobs", "notification inbox/zips", True)
    assert gone.why == "the key is x.zip; it wants ObjectRemoved:Delete ObjectRemoved:DeleteMarkerCreated"
    assert told(of_path(inbox / "in/x.txt", config))[0] == ("a", False, "the key in/x.txt does not end with .csv")
    assert told(of_path(inbox / "x.csv", config))[0] == ("a", False, "the key x.csv does not begin with in/")


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("inbox/.hidden", "its ignore patterns"),
        ("inbox/.git/x", "cover .git"),
        ("inbox/" + "x" * 1025, "a key has 1024 bytes at most"),
        ("inbox/\udcff", "is not UTF-8"),
        ("inbox", "no bucket holds"),
        ("elsewhere/x", "no bucket holds"),
        ("unused/x", "no enabled trigger watches bucket unused"),
    ],
)
def test_what_is_no_object_says_why(config: Config, path: str, why: str) -> None:
    with pytest.raises(InvalidParameter, match=why):
        of_path(config.file.parent / path, config)


# -- requests


def asked(config: Config, method: str, target: str, host: str = "127.0.0.1:8080") -> dict[str, tuple[bool, str]]:
    (source,) = [one for one in sources(House(config, SystemClock(), None, Metrics())) if isinstance(one, HttpSource)]  # type: ignore[arg-type]
    found = of_request(Request(method, target, [("host", host)], host=host), source)
    assert sum(finding.matches for finding in found) <= 1
    assert found[0].matches or not any(finding.matches for finding in found)
    return {f"{finding.function} {finding.trigger}": (finding.matches, finding.why) for finding in found}


def test_the_most_specific_route_answers_and_the_others_say_what_they_miss(config: Config) -> None:
    found = asked(config, "GET", "/images/7?x=1")
    assert found["b http (api: http) GET /images/7"] == (True, "the most specific route that matches")
    assert found["b http (api: http) ANY /images/{id}"] == (False, "matches too, but a more specific route is there")
    assert found["a http (api: http) POST /images/{id}"] == (False, "its path matches, its method is not GET")
    assert found["a webhook POST /hook"] == (False, "its path is another")
    assert found["a http (api: rest) ANY /v1/{proxy+}"] == (False, "the path does not begin with /v1")
    assert found["a url"] == (False, "neither its host nor its path below /_url")


@pytest.mark.parametrize(
    ("method", "target", "host", "who"),
    [
        ("POST", "/images/8", "x", "a http (api: http) POST /images/{id}"),
        ("PUT", "/v1/a/b", "x", "a http (api: rest) ANY /v1/{proxy+}"),
        ("POST", "/hook", "x", "a webhook POST /hook"),
        ("GET", "/images/7", "A.lambda-url.us-east-1.localhost:8080", "a url"),
        ("GET", "/_url/a/x", "x", "a url"),
        ("GET", "/nowhere", "x", ""),
    ],
)
def test_who_answers(config: Config, method: str, target: str, host: str, who: str) -> None:
    assert [name for name, (matches, _) in asked(config, method, target, host).items() if matches] == ([who] if who else [])


def test_a_path_that_is_none_is_refused(config: Config) -> None:
    with pytest.raises(InvalidParameter, match="is no path"):
        asked(config, "GET", "/%zz")


# -- events


def test_a_rule_names_the_fields_that_do_not_match(config: Config) -> None:
    event = {"source": "shop", "detail-type": "x", "detail": {"total": 5, "kind": "order"}}
    missed = "its pattern does not match: detail.total"
    assert told(of_event(event, config)) == [("a", False, missed), ("queue:jobs", False, missed)]
    assert told(of_event(event | {"source": "web", "detail": {}}, config))[0][2].endswith(": source, detail.total, detail.kind")
    assert told(of_event(event | {"detail": "text"}, config))[0][2].endswith(": detail")
    event["detail"] = {"total": 101, "kind": "order"}
    assert told(of_event(event, config)) == [("a", True, "its pattern matches"), ("queue:jobs", False, missed)]
    event["detail"] = {"total": 1001, "kind": "order"}
    assert told(of_event(event, config)) == [("a", True, "its pattern matches"), ("queue:jobs", True, "its pattern matches")]


def made(kind: str, **facts: str) -> Any:
    return built(SHAPES[kind], facts, 1_790_000_000.0)


def test_records_are_looked_at_by_the_filters_of_their_table_or_queue(config: Config) -> None:
    record = made("dynamodb", table="orders")["Records"][0]
    for name, passes in (("INSERT", True), ("REMOVE", False)):
        assert [f.matches for f in of_event({"Records": [record | {"eventName": name}]}, config)] == [passes]
    record = made("sqs", queue="jobs")["Records"][0]
    for body, passes in (('{"kind": "order"}', True), ('{"kind": "x"}', False)):
        assert [f.matches for f in of_event({"Records": [record | {"body": body}]}, config)] == [passes]
    record = made("sns", topic="news")["Records"][0]
    for kind, passes in (("order", True), ("x", False)):
        message = record["Sns"] | {"MessageAttributes": {"kind": {"Type": "String", "Value": kind}}}
        assert [f.matches for f in of_event({"Records": [record | {"Sns": message}]}, config)] == [passes]
    found = of_event(made("s3-put", bucket="inbox", key="x.csv"), config)
    assert [(f.function, f.matches) for f in found] == [("b", True)]
    found = of_event(made("s3-put", bucket="inbox", key="x.zip"), config)
    assert [(f.function, f.matches) for f in found] == [("b", True), ("queue:jobs", True)]
    found = of_event(made("s3-delete", bucket="inbox", key="x.zip"), config)
    assert [(f.function, f.trigger) for f in found] == [("topic:news", "notification inbox/gone")]
    with pytest.raises(InvalidParameter, match="this is no s3-put event"):
        of_event({"Records": [{"eventSource": "aws:s3", "s3": {}}]}, config)


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["Records", "source", "detail-type", "detail", "eventSource"]), inner),
)


@given(junk=JUNK)
def test_whatever_is_no_event_is_a_sentence_or_a_finding(config: Config, junk: Any) -> None:
    try:
        found = of_event(junk, config)
    except InvalidParameter:
        return
    assert found
