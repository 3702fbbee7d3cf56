"""Routes that would have the requests of one that is refused."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.events import routes as aws
from router.templates import shadows
from router.templates.draft import Api, Item, Route
from router.templates.shadows import falls
from router.templates.words import REFUSED
from tests.unit.templates.test_authorizers import COGNITO, LAMBDA, event, rest, routes, served
from tests.unit.templates.test_translate import function, notes, verdicts

AUTH = {"Authorizers": {"C": COGNITO, "L": LAMBDA}}


def test_a_wider_route_does_not_let_in_whom_a_refused_one_would_not() -> None:
    events = {
        "Admin": event("/admin", {"Authorizer": "C"}, "R"),
        "All": event("/{proxy+}", None, "R"),
        "Other": event("/other", None, "R"),
        "Else": event("/x/{proxy+}"),
    }
    found = served(events, R=rest(AUTH))
    assert set(routes(found)) == {"GET /other", "GET /x/{proxy+}"}
    assert verdicts(found)["Fn.All"] == REFUSED
    assert notes(found, "Fn.All").startswith("GET /admin is refused, and its requests would come to GET /{proxy+}")


def test_one_that_demands_the_same_or_takes_the_place_of_an_open_one_is_served() -> None:
    frob = event("/a", {"Authorizer": "L"}, "R")
    frob["Properties"]["Frob"] = 1
    found = served({"A": frob, "All": event("/{proxy+}", {"Authorizer": "L"}, "R")}, R=rest(AUTH))
    assert set(routes(found)) == {"GET /{proxy+}"}
    frob["Properties"]["Auth"] = {"Authorizer": "NONE"}
    found = served({"A": frob, "All": event("/{proxy+}", None, "R")}, R=rest(AUTH))
    assert set(routes(found)) == {"GET /{proxy+}"}


def test_routes_of_a_function_that_is_refused_are_no_others() -> None:
    admin = function(Runtime="java21", Events={"A": event("/admin", {"Authorizer": "L"}, "R")})
    found = served({"All": event("/{proxy+}", None, "R")}, R=rest(AUTH), Admin=admin)
    assert routes(found) == {}
    admin = function(Runtime="java21", Events={"A": event("/admin", None, "R")})
    assert set(routes(served({"All": event("/{proxy+}", None, "R")}, R=rest(AUTH), Admin=admin))) == {"GET /{proxy+}"}


def test_what_is_refused_for_another_is_a_loss_too() -> None:
    """Its requests would come to the next one."""
    events = {
        "A": event("/a/x", {"Authorizer": "C"}, "R"),
        "B": event("/a/{id}", {"Authorizer": "L"}, "R"),
        "C": event("/{any}/y", None, "R"),
    }
    assert routes(served(events, R=rest(AUTH))) == {}


@pytest.mark.parametrize(
    ("gone", "other", "whether"),
    [
        ("GET /a", "ANY /a", True),
        ("ANY /a", "GET /a", False),
        ("GET /a", "POST /{proxy+}", False),
        ("ANY /a", "POST /{proxy+}", True),
        ("GET /a/{id}", "GET /a/b", False),
        ("GET /a/b", "GET /a/{id}", True),
        ("GET /a/{x}", "GET /{y}/b", True),
        ("GET /a/{x+}", "GET /a/b", False),
        ("GET /a", "GET /a/{x+}", False),
        ("GET /a", "$default", True),
        ("$default", "GET /a", False),
        ("$default", "$default", False),
        ("", "GET /a", True),
    ],
)
def test_where_requests_would_come(gone: str, other: str, whether: bool) -> None:
    assert falls(gone, other) is whether


SEGMENTS = st.lists(st.sampled_from(["a", "b", "{x}"]), min_size=1, max_size=3)
KEYS = st.tuples(st.sampled_from(["GET", "ANY"]), SEGMENTS, st.booleans()).map(
    lambda parts: (
        f"{parts[0]} /" + "/".join(one.replace("x", f"x{at}") for at, one in enumerate(parts[1])) + ("/{rest+}" if parts[2] else "")
    )
)


def who(method: str, path: str, *keys: str) -> str:
    """The route that serves a request where these are."""
    table = aws.RouteTable[str]()
    for key in keys:
        table.add(aws.parse(key), key)
    match = table.find(method, path)
    return match.value if match else ""


@given(
    gone=KEYS,
    other=KEYS,
    segments=st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=5),
    method=st.sampled_from(["GET", "PUT"]),
)
def test_no_request_comes_to_another_route_unsaid(gone: str, other: str, segments: list[str], method: str) -> None:
    """The table that serves decides: a request that two routes together give to the one and the other alone to itself would fall."""
    path = f"/{'/'.join(segments)}"
    if aws.parse(gone).shape == aws.parse(other).shape:
        return
    if who(method, path, gone, other) == gone and who(method, path, other) == other:
        assert falls(gone, other)


@given(gone=KEYS | st.just(""), others=st.lists(KEYS | st.just("$default"), max_size=6))
def test_none_that_falls_is_overlooked(gone: str, others: list[str]) -> None:
    item, tree = Item("A", "Api", "a", {}), dict[str, Any]()
    for other in others:
        shadows._put(tree, Route(item, Api("rest", "R"), other))
    assert {other for other in others if falls(gone, other)} <= {route.key for route in shadows._near(tree, gone)}


def test_a_route_is_not_compared_with_every_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """With thousands it would take minutes."""
    compared = []
    monkeypatch.setattr(shadows, "falls", lambda gone, other: compared.append(other) or falls(gone, other))
    events = {"All": event("/a/{proxy+}", {"Authorizer": "NONE"}, "R")}
    for number in range(100):
        events[f"A{number}"] = event(f"/a/{number}/x", {"Authorizer": "C"}, "R")
        events[f"B{number}"] = event(f"/a/{number}/y", None, "R")
    assert len(routes(served(events, R=rest(AUTH)))) == 100
    assert compared == ["GET /a/{proxy+}"]
