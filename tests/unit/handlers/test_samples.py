"""The shipped handlers as what they are: plain functions."""

import importlib.util
import json
import re
import sqlite3
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]


def load(name: str) -> ModuleType:
    """A fresh copy of a sample's module, as a cold start makes one."""
    spec = importlib.util.spec_from_file_location(f"sample_{name}", ROOT / "handlers" / name / "app.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def buckets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("inbox", "results"):
        (tmp_path / name).mkdir()
        monkeypatch.setenv(f"BUCKET_{name.upper()}", str(tmp_path / name))
    return tmp_path


def dropped(*keys: str) -> dict[str, Any]:
    return {"Records": [{"s3": {"bucket": {"name": "inbox"}, "object": {"key": key}}} for key in keys]}


def test_a_csv_becomes_a_summary(buckets: Path) -> None:
    (buckets / "inbox/my sales.csv").write_text("item,price,count\ntea,2.50,3\nmilk,1.25,4\n")
    result = load("summarise").handler(dropped("my+sales.csv"), None)
    assert result == {"written": ["results/my sales.csv.json"]}
    assert json.loads((buckets / "results/my sales.csv.json").read_text()) == {
        "file": "my sales.csv",
        "rows": 2,
        "columns": {"price": {"sum": 3.75, "min": 1.25, "max": 2.5}, "count": {"sum": 7.0, "min": 3.0, "max": 4.0}},
    }
    assert [path.name for path in (buckets / "results").iterdir()] == ["my sales.csv.json"]


def test_a_csv_in_a_subdirectory_keeps_its_place(buckets: Path) -> None:
    (buckets / "inbox/2026").mkdir()
    (buckets / "inbox/2026/a.csv").write_bytes(b"\xef\xbb\xbfn\r\n1\r\n")
    load("summarise").handler(dropped("2026/a.csv"), None)
    assert json.loads((buckets / "results/2026/a.csv.json").read_text())["columns"] == {"n": {"sum": 1.0, "min": 1.0, "max": 1.0}}


@pytest.mark.parametrize(
    ("text", "rows", "columns"),
    [
        ("", 0, []),
        ("a,b\n", 0, []),
        ("a,b\n1\n", 1, ["a"]),
        ("a\nNaN\n", 1, []),
        ("a\n1e400000\n", 1, []),
        ("a\n1,2,3\n", 1, ["a"]),
        ("a\n\n", 0, []),
    ],
)
def test_odd_tables_are_summarised_too(text: str, rows: int, columns: list[str]) -> None:
    summary = load("summarise").summarise(text)
    assert (summary["rows"], list(summary["columns"])) == (rows, columns)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("TABLE_ORDERS", str(tmp_path / "data/shop.db"))
    module = load("shop")
    yield module
    module.DATABASE.close()


def request(route: str, body: Any = None, **parameters: str) -> dict[str, Any]:
    event: dict[str, Any] = {"version": "2.0", "routeKey": route, "isBase64Encoded": False}
    if body is not None:
        event["body"] = body if isinstance(body, str) else json.dumps(body)
    return event | ({"pathParameters": parameters} if parameters else {})


def asked(shop: ModuleType, *args: Any, **parameters: str) -> tuple[int, Any]:
    answer = shop.handler(request(*args, **parameters), None)
    return answer["statusCode"], json.loads(answer["body"])


def test_an_order_is_made_shown_changed_and_listed(shop: ModuleType, tmp_path: Path) -> None:
    tea = {"id": 1, "item": "tea", "quantity": 2, "status": "new"}
    assert asked(shop, "GET /orders") == (200, [])
    assert asked(shop, "POST /orders", {"item": "tea", "quantity": 2}) == (201, tea)
    assert asked(shop, "GET /orders/{id}", id="1") == (200, tea)
    assert asked(shop, "PATCH /orders/{id}", {"status": "paid"}, id="1") == (200, tea | {"status": "paid"})
    assert asked(shop, "GET /orders") == (200, [tea | {"status": "paid"}])
    with sqlite3.connect(tmp_path / "data/shop.db") as database:
        assert database.execute("SELECT status FROM orders").fetchall() == [("paid",)]
    database.close()


def test_the_table_survives_a_second_cold_start(shop: ModuleType) -> None:
    asked(shop, "POST /orders", {"item": "tea"})
    again = load("shop")
    assert asked(again, "GET /orders/{id}", id="1")[0] == 200
    again.DATABASE.close()


@pytest.mark.parametrize(
    ("route", "body", "parameters", "status"),
    [
        ("POST /orders", "{", {}, 400),
        ("POST /orders", "[]", {}, 400),
        ("POST /orders", None, {}, 400),
        ("POST /orders", {"item": ""}, {}, 400),
        ("POST /orders", {"item": 7}, {}, 400),
        ("POST /orders", {"item": "tea", "quantity": 0}, {}, 400),
        ("POST /orders", {"item": "tea", "quantity": True}, {}, 400),
        ("POST /orders", {"item": "tea", "quantity": 2**63}, {}, 400),
        ("GET /orders/{id}", None, {"id": "2"}, 404),
        ("GET /orders/{id}", None, {"id": "x"}, 404),
        ("GET /orders/{id}", None, {"id": "²"}, 404),
        ("GET /orders/{id}", None, {"id": "9" * 5000}, 404),
        ("PATCH /orders/{id}", {"status": "paid"}, {"id": "2"}, 404),
        ("PATCH /orders/{id}", {"status": "lost"}, {"id": "1"}, 400),
    ],
)
def test_bad_requests_get_one_sentence(shop: ModuleType, route: str, body: Any, parameters: dict[str, str], status: int) -> None:
    got, answer = asked(shop, route, body, **parameters)
    assert got == status
    assert re.fullmatch(r"[a-z][^\n]+", answer["message"])


def test_a_base64_body_is_read(shop: ModuleType) -> None:
    event = request("POST /orders", "eyJpdGVtIjogInRlYSJ9") | {"isBase64Encoded": True}
    assert shop.handler(event, None)["statusCode"] == 201


def test_a_changed_order_is_told_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    keys, old = {"id": {"N": "7"}}, {"id": {"N": "7"}, "item": {"S": "tea"}, "quantity": {"N": "2"}, "status": {"S": "new"}}
    records = [
        {"eventName": "INSERT", "dynamodb": {"Keys": keys, "NewImage": old}},
        {"eventName": "MODIFY", "dynamodb": {"Keys": keys, "OldImage": old, "NewImage": old | {"status": {"S": "paid"}}}},
        {"eventName": "REMOVE", "dynamodb": {"Keys": keys, "OldImage": old}},
    ]
    load("notify").handler({"Records": records}, None)
    assert capsys.readouterr().out.splitlines() == ["order 7: placed, 2 of tea", "order 7: status new → paid", "order 7: removed"]


def test_the_heartbeat_says_when_and_how_much_space(capsys: pytest.CaptureFixture[str]) -> None:
    load("heartbeat").handler({"time": "2026-11-23T08:00:00Z"}, None)
    assert re.fullmatch(r"alive at 2026-11-23T08:00:00Z, \d+ MB free in /tmp\n", capsys.readouterr().out)
    assert load("heartbeat").handler({}, None)["time"] == "no planned time"
