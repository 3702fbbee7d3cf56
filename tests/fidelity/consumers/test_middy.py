"""middy's HTTP middlewares take our requests apart, behind every face."""

import json
from typing import Any

import pytest

from tests.fidelity.consumers import conftest
from tests.fidelity.consumers.site import Site
from tests.fidelity.consumers.table import BOUNDARY, EVERY_BYTE, FACES, MULTIPART, told

pytestmark = pytest.mark.server
faces = pytest.mark.parametrize("face", [face for face in FACES if face != "albmulti"])


def ask(site: Site, face: str, target: str, content_type: str, body: bytes) -> Any:
    conftest.need_node()
    answer = site.ask(face, "middy", "POST", target, [("Content-Type", content_type), ("X-PROBE", "one")], body)
    assert answer.status == 200, answer
    seen = json.loads(answer.body)
    assert seen["probe"] == "one"  # the normaliser makes names lower-case
    return seen["body"]


@faces
def test_json(site: Site, face: str) -> None:
    assert ask(site, face, "/json", "application/json", '{"text": "Gr\u00fc\u00dfe", "n": [1.5]}'.encode()) == {
        "text": "Gr\u00fc\u00dfe",
        "n": [1.5],
    }


@faces
def test_a_form(site: Site, face: str) -> None:
    seen = ask(site, face, "/form", "application/x-www-form-urlencoded", b"name=Gr%C3%BC%C3%9Fe&tag=a&tag=b+c")
    assert seen == {"name": "Gr\u00fc\u00dfe", "tag": ["a", "b c"]}


@faces
def test_parts(site: Site, face: str) -> None:
    seen = ask(site, face, "/multipart", f"multipart/form-data; boundary={BOUNDARY}", MULTIPART)
    assert seen == {"title": "Gr\u00fc\u00dfe", "file": {"filename": "a.bin", **told(EVERY_BYTE)}}


def test_multi_value_headers_are_beyond_it(site: Site) -> None:
    """The parsers look for the type in `headers`, which a load balancer leaves out in this mode."""
    conftest.need_node()
    answer = site.ask("albmulti", "middy", "POST", "/json", [("Content-Type", "application/json")], b"{}")
    assert (answer.status, json.loads(answer.body)) == (415, {"error": "Unsupported Media Type"})
