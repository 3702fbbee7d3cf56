"""A browser asks for an address, puts its file there, and another's forgery is refused."""

import json
import urllib.error
import urllib.request

import pytest

from tests.apps.app import App

BUCKET = "uploads-bucket"


def put(url: str, body: bytes, kind: str = "text/plain") -> int:
    request = urllib.request.Request(url, body, {"content-type": kind}, method="PUT")
    with urllib.request.urlopen(request, timeout=20) as answer:
        return int(answer.status)


def drive(app: App) -> None:
    assert b"type=file" in app.http("GET", "/").body
    signed = app.http("POST", "/uploads").json
    assert put(signed["url"], b"one two three") == 200
    assert json.loads(app.object(BUCKET, signed["key"].replace(".txt", ".json"))["Body"].read()) == {"words": 3}
    with pytest.raises(urllib.error.HTTPError) as refused:
        put(signed["url"].replace(signed["key"], "another.txt"), b"forged")
    assert refused.value.code == 403
    refused.value.close()
    with pytest.raises(urllib.error.HTTPError) as refused:
        put(signed["url"], b"forged", "text/html")
    assert refused.value.code == 403
    refused.value.close()
    form = signed["form"]
    parts = [(name, value, "") for name, value in form["fields"].items()] + [("file", "four more words here", '; filename="note.txt"')]
    body = (
        "".join(f'--x\r\ncontent-disposition: form-data; name="{name}"{more}\r\n\r\n{value}\r\n' for name, value, more in parts)
        + "--x--\r\n"
    )
    posted = urllib.request.Request(form["url"], body.encode(), {"content-type": "multipart/form-data; boundary=x"}, method="POST")
    with urllib.request.urlopen(posted, timeout=20) as answer:
        assert answer.status == 204
    assert json.loads(app.object(BUCKET, "form/note.json")["Body"].read()) == {"words": 4}
