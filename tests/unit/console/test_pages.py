"""The page's files, and what browsers may do with them."""

import re

import pytest

from router.console.pages import FILES, files, page
from router.events.http import Request

SCRIPTS = sorted(path.name for path in FILES.glob("*.js"))


def test_every_file_is_served_with_its_type_and_the_rules() -> None:
    for name, (kind, tag, data) in files().items():
        answer = page(Request("GET", f"{name}?v=1", ()))
        assert answer is not None
        assert (answer.status, answer.body) == (200, data)
        headers = dict(answer.headers)
        assert (headers["content-type"], headers["etag"], headers["cache-control"]) == (kind, tag, "no-cache")
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'; ")
        assert "unsafe" not in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert {"/", "/app.js", "/style.css", "/icon.svg"} <= files().keys()


def test_who_has_a_file_already_is_told_so() -> None:
    tag = files()["/app.js"][1]
    answer = page(Request("GET", "/app.js", (("if-none-match", tag),)))
    assert answer is not None
    assert (answer.status, answer.body) == (304, b"")
    assert page(Request("GET", "/app.js", (("if-none-match", '"other"'),))).status == 200


@pytest.mark.parametrize(
    "target", ["/index.html", "/app.py", "/../access.py", "/page/app.js", "/%2e%2e/access.py", "/app.js/", "//app.js", "/."]
)
def test_nothing_else_is_a_file(target: str) -> None:
    assert page(Request("GET", target, ())) is None


@pytest.mark.parametrize("name", SCRIPTS)
def test_no_script_makes_markup_of_text(name: str) -> None:
    """What events and logs hold must stay text: no way by which a browser would parse it is used at all."""
    found = re.findall(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\(|new Function|srcdoc|javascript:",
        (FILES / name).read_text(),
    )
    assert found == []


def test_the_page_itself_has_no_script_and_no_style_of_its_own() -> None:
    text = (FILES / "index.html").read_text()
    assert re.findall(r"<script(?![^>]* src=)|<style| style=| on\w+=", text) == []
    assert set(re.findall(r'(?:src|href)="([^"]+)"', text)) <= files().keys()


def test_every_import_is_there() -> None:
    for name in SCRIPTS:
        wanted = re.findall(r'from "\./([\w.]+)"', (FILES / name).read_text())
        assert set(wanted) <= set(SCRIPTS), name
