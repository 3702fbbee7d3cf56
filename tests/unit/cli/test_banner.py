"""What a person sees first."""

from pathlib import Path
from typing import Any

import pytest

from router import daemon
from router.cli.banner import banner, typed
from router.config.types import Bucket, Config, Destination, Function, Listen, Table
from router.events import routes, s3
from router.events.patterns import compile_pattern
from router.events.schedule import parse
from router.events.webhook_schemes import GITHUB
from router.sources import TRIGGERS
from router.sources.bucket_notification import BucketNotification
from router.sources.bus_trigger import EventTrigger
from router.sources.feed import TableTrigger
from router.sources.http_triggers import HttpTrigger, UrlTrigger
from router.sources.s3dir import S3Trigger
from router.sources.schedule import ScheduleTrigger
from router.sources.webhook_trigger import WebhookTrigger

HERE = Path("/home/a/project")
ORDERS = Table("orders", HERE / "shop.db", "orders")


def config(**extra: Any) -> Config:
    triggers = (
        S3Trigger("inbox", s3.Filter(frozenset(), suffix=".csv")),
        HttpTrigger(routes.parse("POST /x")),
        HttpTrigger(routes.parse("GET /x/{id}")),
        HttpTrigger(routes.parse("GET /x")),
        WebhookTrigger(routes.parse("POST /hooks/github"), GITHUB, ()),
        TableTrigger(ORDERS),
        ScheduleTrigger("rate(1 minute)", parse("rate(1 minute)")),
        EventTrigger(compile_pattern({"a": [1]}), written='{"a":[1]}'),
        EventTrigger(compile_pattern({"a": [1]}), bus="orders", written="x" * 200),
    )
    return Config(
        file=HERE / "config.yaml",
        state=HERE / "state",
        buckets={"inbox": Bucket("inbox", HERE / "data/in\x1bbox"), "results": Bucket("results", Path("/srv/results"), eventbridge=True)},
        tables={"orders": ORDERS},
        functions={"f": Function("f", HERE / "f", "app.handler", triggers=triggers)},
        notifications={"n": BucketNotification("n", "inbox", Destination("queue", "jobs"), s3.Filter(frozenset()), "n")},
        **extra,
    )


def test_everything_that_is_served_is_said_once() -> None:
    assert list(banner(config(), "1.2.3", HERE, token="erc_t0")) == [
        "event-router 1.2.3 · /home/a/project/config.yaml",
        "  routes     http://127.0.0.1:8080 POST /x → f",
        "             http://127.0.0.1:8080 GET /x/{id} → f",
        "             http://127.0.0.1:8080 GET /x → f",
        "             http://127.0.0.1:8080 POST /hooks/github → f",
        "  buckets    inbox data/in\\ebox → f, queue jobs",
        "             results /srv/results → bus default",
        '  rules      default {"a":[1]} → f',
        f"             orders {'x' * 100}… → f",
        "  feeds      shop.db orders → f",
        "  schedules  rate(1 minute) → f",
        "  aws        AWS_ENDPOINT_URL=http://127.0.0.1:4566",
        "  console    http://127.0.0.1:8081/#token=erc_t0",
        "Try, in another terminal:",
        "  cp FILE.csv data/in\\ebox/",
        "  curl http://127.0.0.1:8080/x",
        "  router schedules run f-6",
        "  router keys create me --scope admin",
        "  router logs -f",
        "Ctrl-C drains and stops; a second one stops at once.",
    ]


def test_many_of_a_kind_are_counted() -> None:
    triggers = tuple(HttpTrigger(routes.parse(f"GET /{number}")) for number in range(20))
    many = Config(file=HERE / "c", state=HERE, functions={"f": Function("f", HERE, "a.b", triggers=triggers)})
    lines = [line for line in banner(many, "1", HERE) if " GET /" in line or "more" in line]
    assert len(lines) == 6
    assert lines[-1].strip() == "… and 15 more"


def faces(**extra: Any) -> Config:
    triggers = (
        HttpTrigger(routes.parse("ANY /pets/{id}"), base_path="/v1"),
        HttpTrigger(routes.parse("GET /pets"), base_path="/v1"),
        HttpTrigger(routes.parse("$default")),
        UrlTrigger(),
    )
    return Config(
        file=HERE / "c", state=HERE, region="eu-west-1", functions={"Pets": Function("Pets", HERE, "a.b", triggers=triggers)}, **extra
    )


def test_base_paths_and_both_addresses_of_a_function_url() -> None:
    lines = list(banner(faces(), "1", HERE))
    assert lines[1:5] == [
        "  routes   http://127.0.0.1:8080 ANY /v1/pets/{id} → Pets",
        "           http://127.0.0.1:8080 GET /v1/pets → Pets",
        "           http://127.0.0.1:8080 $default → Pets",
        "  urls     http://pets.lambda-url.eu-west-1.localhost:8080/ or http://127.0.0.1:8080/_url/Pets/ → Pets",
    ]
    assert "  curl http://127.0.0.1:8080/v1/pets" in lines


def test_a_function_url_is_what_to_try_where_no_route_is() -> None:
    only = Config(file=HERE / "c", state=HERE, functions={"f": Function("f", HERE, "a.b", triggers=(UrlTrigger(),))})
    assert "  curl http://127.0.0.1:8080/_url/f/" in list(banner(only, "1", HERE))
    lines = list(banner(faces(http=Listen("unix", path=Path("/run/r.sock"))), "1", HERE))
    assert "  urls     unix:/run/r.sock ANY /_url/Pets/ → Pets" in lines
    assert "  curl --unix-socket /run/r.sock http://localhost/v1/pets" in lines
    assert not any("curl" in line for line in banner(faces(http=Listen("off")), "1", HERE))


def test_other_listeners_and_an_empty_config_are_fine() -> None:
    lines = list(banner(config(http=Listen("unix", path=Path("/run/r.sock")), console=Listen("off")), "1", HERE))
    assert "  routes     unix:/run/r.sock POST /x → f" in lines
    assert not any("console" in line for line in lines)
    empty = list(banner(Config(file=HERE / "c", state=HERE, http=Listen("tcp", "::1", 1)), "1", HERE))
    assert len(empty) == 4


@pytest.mark.parametrize(
    ("argv", "found", "command"),
    [
        ("/home/a/project/.venv/bin/router", None, ".venv/bin/router"),
        ("/home/a/project/.venv/bin/router", "/home/a/project/.venv/bin/router", "router"),
        ("/home/a/project/.venv/bin/router", "/usr/local/bin/router", ".venv/bin/router"),  # somebody else's
        ("/opt/event router/bin/router", None, "'/opt/event router/bin/router'"),
        ("/home/a/project/router/cli/__main__.py", None, ".venv/bin/python3 -m router.cli"),
    ],
)
def test_commands_are_told_as_a_shell_finds_them(argv: str, found: str | None, command: str) -> None:
    assert typed(argv, "/home/a/project/.venv/bin/python3", found, HERE) == command
    assert f"  {command} logs -f" in list(banner(config(), "1", HERE, command))


def test_commands_name_a_config_that_they_would_not_find() -> None:
    elsewhere = [line.strip() for line in banner(config(), "1", HERE / "sub dir") if line.startswith("  router ")]
    assert elsewhere == [
        "router schedules run f-6 --config /home/a/project/config.yaml",
        "router keys create me --scope admin --config /home/a/project/config.yaml",
        "router logs -f --config /home/a/project/config.yaml",
    ]
    assert "  router logs -f --config c" in list(banner(faces(), "1", HERE))


def test_the_shipped_config_is_said_in_full() -> None:
    root = Path(__file__).parents[3]
    lines = "\n".join(banner(daemon.check(root / "config.yaml"), "1", root))
    for part in ("PATCH /orders/{id} → shop", "inbox data/inbox → summarise", "data/shop.db orders → notify", "rate(1 minute) → heartbeat"):
        assert part in lines
    assert "curl http://127.0.0.1:8080/orders" in lines


EVERYTHING = """
version: 1
buckets: {uploads: ./uploads}
tables: {orders: {sqlite: ./shop.db}, carts: {hash: id, stream: NEW_IMAGE}}
queues: {jobs: {}}
topics: {news: {subscriptions: {q: {queue: jobs}}}}
functions:
  f:
    code: .
    handler: app.handler
    triggers:
      - s3: uploads
      - http: GET /x
      - url: none
      - webhook: {path: /hook, provider: github, secret: swordfish-swordfish}
      - schedule: rate(1 hour)
      - table: orders
      - table: carts
      - event: {pattern: {source: [shop]}}
      - queue: jobs
      - sns: news
      - logs: shop
      - logs: {group: shop, filter_pattern: "?ERROR ?WARN"}
"""


def test_triggers_of_every_kind_are_said(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("def handler(event, context): ...\n")
    (tmp_path / "config.yaml").write_text(EVERYTHING)
    config = daemon.check(tmp_path / "config.yaml")
    assert {trigger.word for trigger in config.functions["f"].triggers} == TRIGGERS.keys(), "a new trigger is said here too"
    lines = list(banner(config, "1", tmp_path))
    shown = ["uploads uploads → f", "GET /x → f", "/_url/f/ → f", "/hook → f", "rate(1 hour) → f", "shop.db orders → f", "table carts → f"]
    for part in (*shown, 'default {"source":["shop"]} → f', "jobs → f", "news → jobs", "news → f", "shop → f", "shop ?ERROR ?WARN → f"):
        assert any(part in line for line in lines), (part, lines)
