"""The stage `test`, where audit is kept and nothing is big."""

from tests.apps.app import App

OPTIONS = ("--parameter", "Stage=test", "--parameter", "Replicas=3")


def drive(app: App) -> None:
    told = app.http("GET", "/hello").json
    assert told == {
        "STAGE": "test",
        "GREETING": "good day",
        "AUDIT": "AuditQueue",
        "BIG": "no",
        "FIRST_ORIGIN": "https://one.example",
        "SPLIT": "a+b+c",
        "ONLY_IN_PROD": None,
        "memory": "192",
    }
    assert [row["function"] for row in app.cli("ps")] == ["GreeterFunction"]
    app.emit("GreeterFunction", {"audit": 1})
    (message,) = app.received("AuditQueue")
    assert '"condition":"Success"' in message["Body"].replace(" ", "")
