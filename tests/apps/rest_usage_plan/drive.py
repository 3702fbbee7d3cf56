"""With a key until the quota is used up."""

import json

from tests.apps.app import App


def drive(app: App) -> None:
    (key,) = json.loads((app.state / "template-keys.json").read_text()).values()
    assert app.http("GET", "/quotes/1").status == 403
    first = app.http("GET", "/v1/quotes/1", headers={"x-api-key": key})
    assert (first.status, first.json) == (200, {"quote": "Simplicity is prerequisite for reliability.", "stage": "v1"})
    assert app.http("GET", "/quotes/9", headers={"x-api-key": key}).json == {"message": "no such quote"}
    assert app.http("GET", "/quotes/2", headers={"x-api-key": key}).status == 200
    assert app.http("GET", "/quotes/2", headers={"x-api-key": key}).status == 429
    assert app.http("GET", "/picture", headers={"accept": "image/gif"}).body.startswith(b"GIF89a")
