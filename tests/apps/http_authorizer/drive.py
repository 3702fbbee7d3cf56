"""Callers with and without a token."""

from tests.apps.app import App


def drive(app: App) -> None:
    assert app.http("GET", "/health").body == b"ok"
    assert app.http("GET", "/notes").status == 401
    assert app.http("GET", "/notes", headers={"authorization": "Bearer red"}).status == 403
    answer = app.http("GET", "/notes", headers={"authorization": "Bearer blue", "origin": "https://notes.example"})
    assert answer.json == {"user": "ada", "notes": ["remember the milk, ada"]}
    assert answer.headers["access-control-allow-origin"] == "https://notes.example"
    preflight = {"origin": "https://notes.example", "access-control-request-method": "GET"}
    assert app.http("OPTIONS", "/notes", headers=preflight).status == 204
