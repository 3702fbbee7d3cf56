"""A sum in three parts, a note of it, and one that cannot be summed."""

import json

from tests.apps.app import App


def drive(app: App) -> None:
    assert app.http("POST", "/sum", list(range(10))).json == {"total": 45}
    assert [json.loads(message["Body"]) for message in app.received("NotesQueue")] == [{"total": 45}]
    assert app.http("POST", "/sum", ["a", 1, 2]).status == 500
    app.logged("MasterFunction", "unsupported operand")
