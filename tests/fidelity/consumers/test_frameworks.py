"""Four frameworks behind their own adapters answer one table of requests through every face."""

import json

import pytest

from tests.fidelity.consumers import conftest
from tests.fidelity.consumers.exchange import ask
from tests.fidelity.consumers.site import NODE_APPS, Site
from tests.fidelity.consumers.table import APPS, FACES, ROWS, Row, sha


def test_the_table_has_forty_rows_and_more() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS) >= 40


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
@pytest.mark.parametrize("app", [pytest.param(app, marks=pytest.mark.server) if app in NODE_APPS else app for app in APPS])
@pytest.mark.parametrize("face", FACES)
def test_a_framework_answers(site: Site, face: str, app: str, row: Row) -> None:
    if app in NODE_APPS:
        conftest.need_node()
    row = row.on(face, app)
    answer = site.send(face, app, row)
    assert answer.status == row.status, answer
    for name, values in row.answer_headers.items():
        assert answer.every(name) == values
    if row.media:
        assert [value.partition(";")[0] for value in answer.every("content-type")] == [row.media]
    if row.answer is not None:
        assert len(answer.body) == len(row.answer)
        assert sha(answer.body) == sha(row.answer), answer.body[:200]
    if row.seen is not None:
        seen = json.loads(answer.body)
        wrong = {key: seen.get(key) for key, value in row.seen.items() if seen.get(key) != value}
        assert wrong == {}


@pytest.mark.parametrize("app", ["fastapi", "flask"])
def test_a_function_url_by_its_path(site: Site, app: str) -> None:
    """For clients that cannot resolve its host; the app sees the path behind it, and the host that it would have."""
    answer = ask(site.port, "GET", f"/_url/{app}/url-{app}/echo/a%20b?c=d", [("X-Probe", "one")])
    seen = json.loads(answer.body)
    assert (seen["path"], seen["query"], seen["probe"]) == ("/a b", [["c", "d"]], "one")
    told = json.loads(ask(site.port, "GET", "/_url/teller/x", []).body)
    assert (told["rawPath"], told["requestContext"]["domainName"]) == ("/x", "teller.lambda-url.us-east-1.localhost")


@pytest.mark.server
def test_a_node_process_that_exits_is_replaced(site: Site) -> None:
    conftest.need_node()
    assert site.ask("http", "express", "GET", "/echo", [("X-Edge", "exit")]).status == 500
    assert site.ask("http", "express", "GET", "/echo").status == 200
