"""A function as operators see it."""

from dataclasses import replace
from pathlib import Path

import pytest

from router.api.describing import described
from router.config.load import load
from router.config.types import Config
from router.sources import SECTIONS, TRIGGERS
from tests.unit.api.bench import Bench

CONFIG = """
version: 1
buckets: {inbox: ./inbox}
tables: {orders: {sqlite: ./o.db, table: orders}}
queues: {jobs: {}, lost: {}}
topics: {news: {}}
roles: {reader: {policy: [{Effect: Allow, Action: "s3:GetObject", Resource: "*"}]}}
functions:
  a:
    code: .
    handler: app.h
    timeout: 30
    memory: 256
    role: reader
    environment: {TOKEN: very-secret, PLACE: here}
    on_failure: {queue: lost}
    triggers:
      - s3: {bucket: inbox, prefix: in/, suffix: .csv}
      - http: {route: "ANY /{proxy+}", api: rest, base_path: /v1}
      - http: {route: POST /later, invoke: async}
      - url: {auth: none, invoke_mode: response_stream}
      - webhook: {path: /hook, provider: github, secret: s3cret}
      - schedule: {expression: rate(1 minute), enabled: false}
      - schedule: {expression: cron(0 8 ? * MON-FRI *), timezone: Europe/Berlin}
      - event: {pattern: {source: [shop]}}
      - table: orders
      - queue: {name: jobs, batch_size: 5}
      - sns: news
      - logs: /aws/lambda/bare
      - logs: {group: /aws/lambda/bare, filter_pattern: ERROR, name: bad}
  bare: {code: ., handler: app.h}
"""


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    directory = tmp_path_factory.mktemp("described")
    (directory / "app.py").write_text("def h(event, context): pass\n")
    (directory / "config.yaml").write_text(CONFIG)
    return load(directory / "config.yaml", TRIGGERS, sections=SECTIONS)


def test_every_kind_of_trigger_is_told_in_the_words_of_its_config(config: Config) -> None:
    assert [(row["kind"], row["what"], row["invokes"]) for row in described(config.functions["a"], config)["triggers"]] == [
        ("s3", "inbox/in/*.csv, " + " ".join(sorted(config.functions["a"].triggers[0].wanted.events)), "a"),
        ("http", "ANY /v1/{proxy+} (rest)", "a"),
        ("http", "POST /later (http, async)", "a"),
        ("url", "auth none, response stream", "a"),
        ("webhook", "POST /hook", "a"),
        ("schedule", "a-6: cron(0 8 ? * MON-FRI *) in Europe/Berlin", "a"),
        ("event", 'bus default, rule a-7: {"source":["shop"]}', "a"),
        ("table", "orders, up to 100 at a time", "a"),
        ("queue", "jobs, up to 5 at a time", "a"),
        ("sns", "news", "a"),
        ("logs", "log group /aws/lambda/bare, filter a-11: everything", "a"),
        ("logs", "log group /aws/lambda/bare, filter bad: ERROR", "a"),
    ]


def test_a_trigger_of_a_kind_that_is_new_is_told_too() -> None:
    """Whoever adds a trigger adds its words: CONFIG above has one of each."""
    assert set(TRIGGERS) == {"s3", "http", "url", "webhook", "schedule", "event", "table", "queue", "sns", "logs"}


def test_settings_are_those_in_force_and_no_value_of_a_variable_is_told(config: Config) -> None:
    told = described(config.functions["a"], config)
    assert (told["timeout"], told["memory"], told["role"], told["environment"]) == (30, 256, "reader", ["PLACE", "TOKEN"])
    assert (told["on_success"], told["on_failure"], told["declared"]) == (None, "queue lost", "config")
    assert "very-secret" not in repr(told)
    assert "s3cret" not in repr(told)
    assert Path(told["code"]).is_dir()
    assert described(config.functions["bare"], config)["triggers"] == []


async def test_the_daemon_describes_its_functions_and_no_others() -> None:
    bench = Bench()
    answer = await bench.ask("GET", "/functions/f")
    assert (answer.status, answer.json["function"], answer.json["urls"]) == (200, "f", [])
    assert (await bench.ask("GET", "/functions/f%3A%24LATEST")).json["function"] == "f"
    assert (await bench.ask("GET", "/functions/nobody")).status == 404
    bench.calls.adopt(replace(bench.calls.config, functions={}))  # deployed, and just taken out of the config
    assert (await bench.ask("GET", "/functions/f")).status == 404
