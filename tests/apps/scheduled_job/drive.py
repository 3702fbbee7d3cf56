"""Both schedules fire: one makes its report, the other cannot."""

import json

from tests.apps.app import App


def drive(app: App) -> None:
    assert {row["name"]: row["timezone"] for row in app.get("/schedules")} == {"nightly-report": "Europe/Berlin", "weekly-report": "UTC"}
    for name in ("nightly-report", "weekly-report"):
        assert app.request("POST", f"/schedules/{name}/run")[0] in {200, 202}
    assert app.object("reports-bucket", "nightly.txt")["Body"].read() == b"all is well"
    (lost,) = app.received("LostQueue")
    assert json.loads(lost["Body"]) == {"name": "../weekly"}
    assert "no name of a report" in lost["MessageAttributes"]["ErrorMessage"]["StringValue"]
