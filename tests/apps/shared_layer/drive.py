"""Both languages find what the layers hold."""

from tests.apps.app import App

NODE = True


def drive(app: App) -> None:
    assert app.http("GET", "/quote/milk").json == {"gross": 1.43}
    assert app.http("GET", "/items").json == ["tea", "milk"]
