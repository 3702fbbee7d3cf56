"""A client of the stream."""

from tests.apps.app import App

NODE = True


def drive(app: App) -> None:
    answer = app.http("GET", "/_url/CountFunction/?count=4", headers={"origin": "https://anywhere.example"})
    assert (answer.status, answer.headers["content-type"]) == (200, "text/event-stream")
    assert answer.body == b"".join(b"data: %d\n\n" % n for n in range(1, 5))
    assert answer.headers["access-control-allow-origin"] == "*"
