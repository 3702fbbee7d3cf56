"""Through the alias, through the URL of another, and after a version was published."""

from tests.apps.app import App

OPTIONS = ("--stack-name", "store")


def drive(app: App) -> None:
    told = app.http("POST", "/buy").json
    assert told == {"arn": "arn:aws:lambda:us-east-1:123456789012:function:store-shop:live", "version": "$LATEST"}
    assert app.http("GET", "/_url/store-shop/").json["arn"].endswith(":store-shop:beta")
    assert app.cli("versions", "publish", "store-shop")["version"] == "1"
    assert app.invoke("store-shop:1", {"rawPath": "/"})["statusCode"] == 200
    assert {(row["alias"], row["version"]) for row in app.cli("aliases")} == {("live", "$LATEST"), ("beta", "$LATEST")}
