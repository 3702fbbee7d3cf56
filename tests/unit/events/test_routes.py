"""Route grammar, precedence against a brute-force oracle, and a lookup that does not feel the size of the table."""

import sys
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from router.events.gateway import BadPath
from router.events.routes import DEPTH, BadRoute, Route, RouteTable, also_at, mounted, one_slash, parse, segments_of, slashed, trailing

RANK = {"exact": 0, "variable": 1, "greedy": 2}


def table(*texts: str) -> RouteTable[str]:
    made: RouteTable[str] = RouteTable()
    for text in texts:
        made.add(parse(text), text)
    return made


def key(found_in: RouteTable[str], method: str, path: str) -> str | None:
    found = found_in.find(method, path)
    return found and found.key


@pytest.mark.parametrize(
    ("text", "route"),
    [
        ("$default", Route("$default")),
        ("GET /", Route("GET /", "GET", ("",))),
        ("GET /pets/{id}", Route("GET /pets/{id}", "GET", ("pets", None), ("id",))),
        ("ANY /{proxy+}", Route("ANY /{proxy+}", "ANY", (), ("proxy",), greedy=True)),
        ("POST /v1/{a}/x/{rest+}", Route("POST /v1/{a}/x/{rest+}", "POST", ("v1", None, "x"), ("a", "rest"), greedy=True)),
        ("GET /pets/", Route("GET /pets/", "GET", ("pets", ""))),
        ("GET /grüße", Route("GET /grüße", "GET", ("grüße",))),
    ],
)
def test_a_route_is_read(text: str, route: Route) -> None:
    assert parse(text) == route


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("/pets", "names no method: write `GET /pets`"),
        ("GET", "write `METHOD /path` or `$default`"),
        ("", "write `METHOD /path` or `$default`"),
        ("get /pets", "methods are upper case, write GET"),
        ("FETCH /pets", "'FETCH' is no method: one of GET, POST"),
        ("GET pets", "must begin with /"),
        ("GET  /pets", "must begin with /"),
        ("GET /a//b", "has an empty segment"),
        ("GET /{proxy+}/x", "must be the last segment"),
        ("GET /{id}.json", "a variable is a whole segment"),
        ("GET /{}", "a variable is a whole segment"),
        ("GET /{a b}", "a variable is a whole segment"),
        ("GET /{a}/{a}", "'a' stands twice"),
        ("GET /a%20b", "write the characters themselves"),
        ("GET /a b", "no spaces"),
        ("GET /a?b=c", "no spaces, ? or #"),
        ("$default /x", "is no method"),
        ("GET " + "/a" * (DEPTH + 1), f"at most {DEPTH} segments"),
    ],
)
def test_what_is_no_route_is_told_what_would_be(text: str, told: str) -> None:
    with pytest.raises(BadRoute) as caught:
        parse(text)
    assert told in str(caught.value)


def test_a_shape_forgets_the_names_of_variables() -> None:
    assert parse("GET /x/{a}/{b+}").shape == parse("GET /x/{c}/{d+}").shape == "GET /x/{}/{+}"
    assert parse("ANY /").shape == "ANY /"
    assert parse("$default").shape == "$default"
    assert parse("GET /x").shape != parse("GET /x/").shape


@pytest.mark.parametrize("pair", [("GET /x/{a}", "GET /x/{b}"), ("$default", "$default"), ("ANY /{a+}", "ANY /{b+}")])
def test_two_routes_of_one_shape_are_refused(pair: tuple[str, str]) -> None:
    with pytest.raises(BadRoute, match="two routes"):
        table(*pair)


def test_the_developer_guides_precedence() -> None:
    """API Gateway developer guide, "Routing API requests": its own example of routes and requests."""
    guide = table("GET /pets/dog/1", "GET /pets/dog/{id}", "GET /pets/{proxy+}", "ANY /{proxy+}", "$default")
    assert key(guide, "GET", "/pets/dog/1") == "GET /pets/dog/1"
    assert key(guide, "GET", "/pets/dog/2") == "GET /pets/dog/{id}"
    assert key(guide, "GET", "/pets/cat/1") == "GET /pets/{proxy+}"
    assert key(guide, "POST", "/test/5") == "ANY /{proxy+}"
    assert key(guide, "GET", "/") == "$default"


@pytest.mark.parametrize(
    ("routes", "method", "path", "expected"),
    [
        (("GET /a", "ANY /a"), "GET", "/a", "GET /a"),
        (("GET /a", "ANY /a"), "PUT", "/a", "ANY /a"),
        (("POST /a/b", "GET /a/{x}"), "GET", "/a/b", "GET /a/{x}"),
        (("ANY /a/b", "GET /a/{x}"), "GET", "/a/b", "ANY /a/b"),
        (("GET /a/{x}/c", "GET /a/b/d"), "GET", "/a/b/c", "GET /a/{x}/c"),
        (("GET /{x}/b", "GET /a/{y+}"), "GET", "/a/b", "GET /{x}/b"),
        (("GET /a/{y+}", "GET /a/b/{z+}"), "GET", "/a/b/c/d", "GET /a/b/{z+}"),
        (("GET /a/{y+}", "POST /a/b/{z+}"), "GET", "/a/b/c", "GET /a/{y+}"),
        (("GET /a/{y+}",), "GET", "/a", None),
        (("GET /a/{y+}",), "GET", "/a/", None),
        (("GET /a",), "GET", "/a/", None),
        (("GET /a/{x}",), "GET", "/a/", None),
        (("GET /a",), "POST", "/a", None),
        (("GET /a",), "HEAD", "/a", None),
        (("GET /a",), "OPTIONS", "*", None),
        (("$default",), "OPTIONS", "*", "$default"),
        (("GET /a",), "GET", "/A", None),
    ],
)
def test_precedence(routes: tuple[str, ...], method: str, path: str, expected: str | None) -> None:
    assert key(table(*routes), method, path) == expected


def test_variables_carry_what_stood_in_the_path() -> None:
    made = table("GET /a/{x}/c", "GET /a/b/{y}/d", "ANY /{first}/{rest+}")
    assert made.find("GET", "/a/b/c").parameters == {"x": "b"}  # type: ignore[union-attr]
    assert made.find("GET", "/a/b/c/d").parameters == {"y": "c"}  # type: ignore[union-attr]
    assert made.find("PUT", "/x/y//z/").parameters == {"first": "x", "rest": "y//z/"}  # type: ignore[union-attr]


SEGMENTS = st.sampled_from(["a", "b", "c"])
TEMPLATES = st.builds(
    lambda segments, greedy, method: f"{method} /" + "/".join([*segments, *(["{rest+}"] if greedy else [])]),
    st.lists(st.one_of(SEGMENTS, st.integers(0, 9).map(lambda number: f"{{v{number}}}")), min_size=1, max_size=4),
    st.booleans(),
    st.sampled_from(["GET", "POST", "ANY"]),
)


def matches(text: str, method: str, path: str) -> tuple[bool, list[int], bool] | None:
    """By the words of the guide: whether one route matches, and how specific that is; less is better."""
    wanted, _, template = text.partition(" ")
    if wanted not in (method, "ANY"):
        return None
    pattern, segments, ranks = template.split("/")[1:], path.split("/")[1:], []
    for index, part in enumerate(pattern):
        if part.endswith("+}"):
            if "/".join(segments[index:]) == "":
                return None
            return True, [*ranks, RANK["greedy"]], wanted == "ANY"
        if index >= len(segments):
            return None
        if part.startswith("{"):
            if not segments[index]:
                return None
            ranks.append(RANK["variable"])
        elif part == segments[index]:
            ranks.append(RANK["exact"])
        else:
            return None
    return (False, ranks, wanted == "ANY") if len(pattern) == len(segments) else None


@given(
    texts=st.lists(TEMPLATES, max_size=12),
    default=st.booleans(),
    method=st.sampled_from(["GET", "POST", "PUT"]),
    segments=st.lists(st.sampled_from(["a", "b", "c", "d", ""]), max_size=5),
)
@example(texts=["GET /a/{v1}/c", "GET /a/b/{v2}", "ANY /{rest+}"], default=False, method="GET", segments=["a", "b", "d"])
def test_the_trie_agrees_with_brute_force(texts: list[str], default: bool, method: str, segments: list[str]) -> None:
    made: RouteTable[str] = RouteTable()
    kept = []
    for text in [*texts, *(["$default"] if default else [])]:
        try:
            made.add(parse(text), text)
        except BadRoute:
            continue  # a shape, or a variable's name, that is there already
        kept.append(text)
    path = "/" + "/".join(segments)
    ranked = [(rank, text) for text in kept if text != "$default" and (rank := matches(text, method, path)) is not None]
    expected = min(ranked)[1] if ranked else ("$default" if default else None)
    assert key(made, method, path) == expected


def test_ten_thousand_routes_cost_what_one_costs() -> None:
    """In calls made, so that no clock decides: a lookup is as deep as its path, whatever stands beside it."""
    shared = ("GET /r7/{id}/x", "GET /{any}/{id}/y", "$default")
    few, many = table(*shared), table(*shared, *(f"GET /r{number}/{{id}}/x" for number in range(10_000) if number != 7))
    for path, expected in (("/r7/1/x", shared[0]), ("/r7/1/y", shared[1]), ("/nowhere/1/2", shared[2])):
        assert key(many, "GET", path) == key(few, "GET", path) == expected
        assert calls(many, path) <= 1.3 * calls(few, path)


def calls(made: RouteTable[str], path: str) -> int:
    count = 0

    def note(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        made.find("GET", path)
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize("path", ["/" * 8000, "/a" * 4000, "/" + "a" * 8000])
def test_a_long_path_is_no_burden(path: str) -> None:
    made = table("GET /a/{x}/{y}/{rest+}", "GET /{a}/{b}", "$default")
    assert key(made, "GET", path) in ("$default", "GET /a/{x}/{y}/{rest+}")


# -- encoded paths


@pytest.mark.parametrize(
    ("route", "path", "parameters"),
    [
        ("GET /a/{x}", "/a/b%2Fc", {"x": "b/c"}),
        ("GET /a/{x}", "/%61/%7Bx%7D", {"x": "{x}"}),
        ("GET /a/{x}/c", "/a/%2F/c", {"x": "/"}),
        ("GET /{rest+}", "/a%2Fb/c", {"rest": "a/b/c"}),
        ("GET /{rest+}", "/%2e%2e/c", {"rest": "../c"}),
        ("GET /gr\u00fc\u00dfe", "/gr%C3%BC%C3%9Fe", {}),
        ("GET /a/", "/%61/", {}),
    ],
)
def test_a_path_is_split_before_it_is_decoded(route: str, path: str, parameters: dict[str, str]) -> None:
    found = table(route).find("GET", path)
    assert found is not None
    assert found.parameters == parameters


@pytest.mark.parametrize("path", ["/a%2Fb", "/a%2fb", "/%2Fa/b", "/a/b%2F"])
def test_an_encoded_slash_separates_nothing(path: str) -> None:
    assert key(table("GET /a/b"), "GET", path) is None


@given(values=st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1), min_size=1, max_size=5))
def test_any_segments_are_found_and_come_back(values: list[str]) -> None:
    """Slashes, dots, braces and percent signs in a segment are text."""
    path = "/" + "/".join(quote(value, safe="") for value in values)
    route = "GET /" + "/".join(f"{{v{number}}}" for number in range(len(values)))
    found = table(route, "ANY /{rest+}").find("GET", path)
    assert found is not None
    assert (found.key, list(found.parameters.values())) == (route, values)
    assert segments_of(path) == ["", *values]


@given(path=st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=20))
def test_any_path_has_a_route_or_is_refused(path: str) -> None:
    made = table("GET /a", "GET /{x}/b", "ANY /{rest+}", "$default")
    try:
        assert made.find("GET", path) is not None
    except BadPath:
        assert "%" in path


# -- where else a route is


def test_a_route_below_a_prefix() -> None:
    made: RouteTable[str] = RouteTable()
    for text in ("GET /", "GET /pets/{id}", "ANY /all/{rest+}"):
        route = parse(text)
        for place in (mounted(route, "/v1/x"), *also_at(route, "/v1/x")):
            made.add(place, text)
    assert [key(made, "GET", path) for path in ("/v1/x", "/v1/x/", "/v1/x/pets/7", "/v1/x/all/a/b", "/v1", "/pets/7", "/")] == [
        *("GET /", "GET /", "GET /pets/{id}", "ANY /all/{rest+}", None, None, None),
    ]
    assert made.find("GET", "/v1/x/pets/7").parameters == {"id": "7"}  # type: ignore[union-attr]


def test_without_a_prefix_a_route_stays_where_it_is() -> None:
    for text in ("GET /", "GET /a", "$default"):
        assert mounted(parse(text), "") == parse(text)
        assert also_at(parse(text), "") == ()
    assert mounted(parse("$default"), "/v1") == parse("$default")
    assert also_at(parse("GET /a"), "/v1") == ()


@pytest.mark.parametrize(
    ("text", "path", "found"),
    [
        ("ANY /a/{rest+}", "/a/", {"rest": ""}),
        ("ANY /{x}/{rest+}", "/a/", {"x": "a", "rest": ""}),
        ("ANY /a/{rest+}", "/a", None),
        ("ANY /a/{rest+}", "/a//", {"rest": "/"}),
        ("ANY /{rest+}", "/", None),
        ("GET /a", "/a/", None),
    ],
)
def test_a_greedy_variable_that_may_be_empty(text: str, path: str, found: dict[str, str] | None) -> None:
    made: RouteTable[str] = RouteTable()
    made.add(trailing(parse(text)), text)
    match = made.find("GET", path)
    assert (match and match.parameters) == found
    assert key(table("GET /a/", text), "GET", "/a/") == "GET /a/"


@pytest.mark.parametrize(
    ("text", "also"),
    [
        ("GET /a", ["/a/"]),
        ("GET /a/{x}", ["/a/7/"]),
        ("GET /", []),
        ("GET /a/", []),
        ("ANY /{rest+}", []),
        ("ANY /a/{rest+}", []),
        ("$default", []),
    ],
)
def test_a_rest_route_is_found_with_a_slash_more(text: str, also: list[str]) -> None:
    places = slashed(parse(text))
    assert len(places) == len(also)
    made: RouteTable[str] = RouteTable()
    for place in places:
        made.add(place, text)
    assert [key(made, "GET", path) for path in also] == [text] * len(also)


@pytest.mark.parametrize(
    ("path", "compared"),
    [
        *(("/a", "/a"), ("//a", "/a"), ("/a//b", "/a//b"), ("//a//b//", "/a//b//"), ("/", "/"), ("//", "/")),
        *(("/dev", "/dev"), ("/dev//", "/dev/"), ("/dev///a//b", "/dev/a//b"), ("///dev//a", "/dev/a"), ("/device//a", "/device//a")),
    ],
)
def test_one_slash(path: str, compared: str) -> None:
    assert one_slash(path, {"dev", ""}) == compared
