"""A small JSON API over one SQLite table. Events and answers are those of an HTTP API, payload 2.0.

GET /orders · POST /orders {"item": "tea", "quantity": 2} · GET /orders/{id} · PATCH /orders/{id} {"status": "paid"}"""

import base64
import json
import os
import sqlite3
from pathlib import Path

STATUSES = ("new", "paid", "shipped", "cancelled")
LARGEST = 2**63 - 1  # an SQLite INTEGER


def connect():
    """The shop's database; its table is made by whoever comes first."""
    path = Path(os.environ["TABLE_ORDERS"])
    path.parent.mkdir(parents=True, exist_ok=True)
    database = sqlite3.connect(path, timeout=10, isolation_level=None)
    database.row_factory = sqlite3.Row
    database.execute(
        "CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, item TEXT NOT NULL, quantity INTEGER NOT NULL, status TEXT NOT NULL DEFAULT 'new')"
    )
    return database


DATABASE = connect()  # once for each execution environment, as on Lambda


class Refused(Exception):
    """What the client must change."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


def handler(event, context):
    try:
        return ROUTES[event["routeKey"]](event)
    except Refused as refusal:
        return answer(refusal.status, {"message": str(refusal)})


def list_orders(event):
    return answer(200, [dict(row) for row in DATABASE.execute("SELECT * FROM orders ORDER BY id DESC LIMIT 100")])


def create_order(event):
    order = body(event)
    item, quantity = order.get("item"), order.get("quantity", 1)
    if not isinstance(item, str) or not item:
        raise Refused(400, "item must be a text that is not empty")
    if type(quantity) is not int or not 1 <= quantity <= LARGEST:
        raise Refused(400, "quantity must be a whole number from 1")
    row = DATABASE.execute("INSERT INTO orders (item, quantity) VALUES (?, ?) RETURNING *", (item, quantity)).fetchall()[0]
    return answer(201, dict(row), location=f"/orders/{row['id']}")


def show_order(event):
    return answer(200, found("SELECT * FROM orders WHERE id = ?", (order_id(event),)))


def change_order(event):
    status = body(event).get("status")
    if status not in STATUSES:
        raise Refused(400, f"status must be one of {', '.join(STATUSES)}")
    return answer(200, found("UPDATE orders SET status = ? WHERE id = ? RETURNING *", (status, order_id(event))))


ROUTES = {
    "GET /orders": list_orders,
    "POST /orders": create_order,
    "GET /orders/{id}": show_order,
    "PATCH /orders/{id}": change_order,
}


def found(statement, values):
    rows = DATABASE.execute(statement, values).fetchall()
    if not rows:
        raise Refused(404, "no such order")
    return dict(rows[0])


def order_id(event):
    text = event["pathParameters"]["id"]
    if not (text.isascii() and text.isdigit() and len(text) < 19):  # within an SQLite INTEGER
        raise Refused(404, "no such order")
    return int(text)


def body(event):
    """The request's JSON object."""
    try:
        text = event.get("body") or ""
        value = json.loads(base64.b64decode(text) if event.get("isBase64Encoded") else text)
    except ValueError:
        raise Refused(400, "the body must be JSON") from None
    if not isinstance(value, dict):
        raise Refused(400, "the body must be a JSON object")
    return value


def answer(status, value, **headers):
    return {"statusCode": status, "headers": {"content-type": "application/json", **headers}, "body": json.dumps(value)}
