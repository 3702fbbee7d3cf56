"""Which face a request comes to: function URLs by host and path, stages, base paths, slashes, preflights; and who answers where none is."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from router.config.types import Config, Function, Listen
from router.errors import ConfigError
from router.events.http import Response
from router.sources.base import Binding, House
from router.sources.http import HttpSource
from router.sources.http_triggers import UrlTrigger
from router.telemetry.metrics import Metrics
from tests.helpers.clock import VirtualClock
from tests.helpers.faces import header
from tests.unit.sources.http_rig import Rig, told

HOST = "f.lambda-url.us-east-1.localhost"
OK = {"statusCode": 200}
CORS = "cors: {allow_origins: ['https://shop.example'], allow_methods: [PUT], max_age: 60}"
PREFLIGHT = [("Origin", "https://shop.example"), ("Access-Control-Request-Method", "PUT")]


# -- function URLs


@pytest.mark.parametrize("host", [HOST, f"{HOST}:8080", HOST.upper()])
async def test_a_url_by_its_host_has_every_path(host: str) -> None:
    made = Rig(OK, f="[url: none]", g="[url: none, http: 'ANY /{proxy+}']")
    for path in ("/", "/a%2Fb", "/_url/g/x", "/%00", "/%zz"):
        response = await made.ask(path, host=host)
        assert response.status == 200
        assert made.events()[-1]["rawPath"] == path
        envelope = made.outlet.invoked[-1]
        assert (envelope.function, envelope.source) == ("f", "url:f")
        assert header(response, "x-amzn-requestid") == [envelope.request_id] == [made.events()[-1]["requestContext"]["requestId"]]


@pytest.mark.parametrize(("target", "path"), [("/_url/f", "/"), ("/_url/f/", "/"), ("/_url/f/a//b?x=/_url/g", "/a//b"), ("/_url/f?x", "/")])
async def test_a_url_by_its_path_does_not_see_the_prefix(target: str, path: str) -> None:
    made = Rig(OK, f="[url: none]", g="[http: $default]")
    assert (await made.ask(target)).status == 200
    (event,) = made.events()
    assert (event["rawPath"], event["requestContext"]["domainName"]) == (path, HOST)


@pytest.mark.parametrize(
    ("target", "host"),
    [
        ("/_url/nobody/x", "localhost"),
        ("/_url/", "localhost"),
        ("/_url/F/x", "localhost"),
        ("/x", f"nobody.{HOST[2:]}"),
        ("/_url/f/x", f"x.{HOST}"),
    ],
)
async def test_a_url_that_is_nobodys_is_403_and_no_route_takes_it(target: str, host: str) -> None:
    made = Rig(OK, f="[url: none]", g="[http: $default]")
    response = await made.ask(target, host=host)
    assert (response.status, told(response)) == (403, {"Message": "Forbidden"})
    assert header(response, "x-amzn-errortype") == ["AccessDeniedException"]
    assert header(response, "x-amzn-requestid")
    assert not made.outlet.invoked


async def test_paths_of_urls_are_reserved_where_no_function_has_one() -> None:
    made = Rig(OK, g="[http: $default]")
    assert (await made.ask("/_url/f/x")).status == 403
    assert (await made.ask("/_urls/f/x")).status == 200
    assert (await made.ask("/_url")).status == 200


def test_two_urls_in_one_place_are_refused() -> None:
    house = House(Config(Path("/c"), Path("/s"), http=Listen("off")), VirtualClock(), None, Metrics())  # type: ignore[arg-type]
    names = (("Resize", 0), ("resize", 0), ("a", 0), ("a", 1))
    bindings = [Binding(Function(name, Path("/code"), "a.b"), UrlTrigger(), index) for name, index in names]
    with pytest.raises(ConfigError) as caught:
        HttpSource.build(bindings, house)
    assert caught.value.problems == (
        "functions.resize.triggers[0]: resize.lambda-url.us-east-1.localhost is a function's URL already",
        "functions.a.triggers[1]: a.lambda-url.us-east-1.localhost is a function's URL already",
    )


# -- stages and base paths


@pytest.mark.parametrize(
    ("api", "stage", "target", "path", "context"),
    [
        ("http", "dev", "/pets/7", "/dev/pets/7", "/dev/pets/7"),
        ("http", "dev", "/dev/pets/7", "/dev/pets/7", "/dev/pets/7"),
        ("rest", "dev", "/pets/7", "/pets/7", "/dev/pets/7"),
        ("rest", "dev", "/dev/pets/7", "/pets/7", "/dev/pets/7"),
        ("rest", "dev", "/dev/pets/7/", "/pets/7/", "/dev/pets/7/"),
        ("rest", "dev", "/d%65v/pets/7", "/pets/7", "/dev/pets/7"),
    ],
)
async def test_a_named_stage_may_stand_in_the_url(api: str, stage: str, target: str, path: str, context: str) -> None:
    made = Rig(OK, f=f"[{{http: {{route: 'GET /pets/{{id}}', api: {api}, stage: {stage}}}}}]")
    assert (await made.ask(target)).status == 200
    (event,) = made.events()
    where = event["requestContext"]
    assert (event.get("rawPath", event.get("path")), where.get("path", where.get("http", {}).get("path"))) == (path, context)
    assert (event["pathParameters"], where["stage"]) == ({"id": "7"}, stage)


async def test_the_stage_that_is_not_named_stands_in_no_url() -> None:
    made = Rig(OK, f="[{http: {route: GET /pets, api: rest}}]")
    assert (await made.ask("/prod/pets")).status == 403
    assert (await made.ask("/pets")).status == 200
    assert made.events()[0]["requestContext"]["path"] == "/prod/pets"


async def test_who_asks_again_comes_to_the_same_place_until_another_config_is_in_force() -> None:
    made = Rig(OK, f="[http: 'GET /pets/{id}']", g="[{http: 'POST /pets/{id}'}, {http: 'GET /dogs/{id}'}]", h="[url: none]")
    for method, target, function, number in (
        *(("GET", "/pets/7", "f", "7"), ("GET", "/pets/7", "f", "7"), ("POST", "/pets/7", "g", "7")),
        *(("POST", "/pets/8", "g", "8"), ("GET", "/pets/8?a=b", "f", "8"), ("GET", "/pets/8?a=b", "f", "8"), ("GET", "/dogs/8", "g", "8")),
    ):
        await made.ask(target, method)
        assert (made.outlet.invoked[-1].function, made.events()[-1]["pathParameters"]) == (function, {"id": number})
        assert made.events()[-1]["requestContext"]["http"]["method"] == method
    assert (await made.ask("/cats")).status == 404
    assert (await made.ask("/_url/h/dogs/8")).status == 200
    other = Rig(OK, z="[http: 'GET /{proxy+}']")
    other.learned = made.learned
    await other.ask("/dogs/8")
    assert (other.outlet.invoked[-1].function, other.events()[-1]["pathParameters"]) == ("z", {"proxy": "dogs/8"})


async def test_a_route_of_its_own_is_stronger_than_a_stage() -> None:
    made = Rig(OK, f="[{http: {route: GET /pets, stage: dev}}]", g="[http: GET /dev/pets]")
    for target, function in (("/dev/pets", "g"), ("/pets", "f")):
        await made.ask(target)
        assert made.outlet.invoked[-1].function == function


@pytest.mark.parametrize(
    ("target", "path"), [("/dev/a", "/dev/a"), ("/a", "/dev/a"), ("/dev", "/dev/"), ("/device", "/dev/device"), ("/dev/a%20b", "/dev/a b")]
)
async def test_the_default_route_of_a_stage_does_not_see_it_twice(target: str, path: str) -> None:
    made = Rig(OK, f="[{http: {route: $default, stage: dev}}]")
    await made.ask(target)
    assert made.events()[0]["rawPath"] == path


@pytest.mark.parametrize(
    ("root", "target", "status"),
    [("", "/dev", 403), ("", "/dev/", 403), ("", "//dev/", 403), ("", "/", 403), ("", "/dev/x", 200), ("", "/x", 200)]
    + [(", {http: {route: GET /, api: rest, stage: dev}}", target, 200) for target in ("/dev", "/dev/", "/", "/dev/x")],
)
async def test_the_greedy_route_of_a_rest_api_is_not_that_of_its_root(root: str, target: str, status: int) -> None:
    """Also where the root is that of its stage."""
    made = Rig(OK, f=f"[{{http: {{route: 'GET /{{proxy+}}', api: rest, stage: dev}}}}{root}]")
    assert (await made.ask(target)).status == status
    if status == 200:
        assert made.events()[0]["resource"] == ("/{proxy+}" if target.endswith("x") else "/")


@pytest.mark.parametrize(
    ("api", "target", "path"),
    [
        ("http", "/v1/pets/a%20b", "/pets/a b"),
        ("rest", "/v1/pets/a%20b", "/v1/pets/a%20b"),
        ("rest", "/v1//pets/7", None),
        ("http", "/v1", "/"),
        ("http", "/v1/", "/"),
        ("rest", "/v1", "/v1/"),
        ("http", "/pets/7", None),
    ],
)
async def test_a_base_path(api: str, target: str, path: str | None) -> None:
    made = Rig(
        OK,
        f=f"[{{http: {{route: 'GET /pets/{{id}}', api: {api}, base_path: /v1}}}}, {{http: {{route: GET /, api: {api}, base_path: /v1}}}}]",
    )
    response = await made.ask(target)
    assert (response.status == 200) is (path is not None)
    if path is not None:
        event = made.events()[0]
        assert event.get("rawPath", event.get("path")) == path


@pytest.mark.parametrize(
    ("target", "status", "message"),
    [
        ("/v1/x", 403, "Missing Authentication Token"),
        ("/v1", 403, "Missing Authentication Token"),
        ("/v1/%00", 400, "Bad Request"),
        ("/v1x", 404, "Not Found"),
        ("/x", 404, "Not Found"),
        ("/%zz", 400, "Bad Request"),
    ],
)
async def test_below_a_rest_base_path_strangers_get_rests_answer(target: str, status: int, message: str) -> None:
    made = Rig(OK, f="[{http: {route: GET /a, api: rest, base_path: /v1}}]", g="[http: GET /a]")
    response = await made.ask(target)
    assert (response.status, told(response)) == (status, {"message": message})
    assert bool(header(response, "x-amzn-errortype")) is target.startswith("/v1/") or target == "/v1"


@pytest.mark.parametrize(
    ("triggers", "status", "name"),
    [
        ("[{http: {route: GET /a, api: rest}}]", 403, "x-amz-apigw-id"),
        ("[{http: {route: GET /a, api: alb}}]", 404, "server"),
        ("[http: GET /a]", 404, "apigw-requestid"),
        ("[{http: {route: GET /a, api: rest}}, {http: {route: GET /b, api: alb}}]", 404, "apigw-requestid"),
        ("[url: none]", 404, "apigw-requestid"),
    ],
)
async def test_who_has_one_kind_of_api_answers_strangers_in_its_words(triggers: str, status: int, name: str) -> None:
    made = Rig(OK, f=triggers)
    for response in (await made.ask("/nowhere"), await made.ask("/a", "POST"), made.source.places.refusal(status)):
        assert response.status == status
        assert header(response, name)
    assert header(made.source.places.refusal(503), "retry-after") == ["1"]


@pytest.mark.parametrize(
    ("route", "target", "found"),
    [
        ("GET /a", "/a/", True),
        ("GET /a/{x}", "/a/7/", True),
        ("GET /a", "/a//", False),
        ("GET /{proxy+}", "/a/", True),
        ("GET /a/{proxy+}", "/a/", False),
    ],
)
async def test_a_rest_api_takes_a_slash_more_and_an_http_api_does_not(route: str, target: str, found: bool) -> None:
    made = Rig(OK, f=f"[{{http: {{route: '{route}', api: rest}}}}]")
    assert (await made.ask(target)).status == (200 if found else 403)
    if found:
        event = made.events()[0]
        assert (event["path"], event["requestContext"]["path"], event["resource"]) == (target, f"/prod{target}", route[4:])
    if "+" not in route:
        assert (await Rig(OK, f=f"[http: '{route}']").ask(target)).status == 404


SLASHED = "[{http: {route: GET /a, api: rest, stage: dev}}, {http: {route: 'GET /a/{x}', api: rest, stage: dev}}]"
GREEDY = "[{http: {route: 'ANY /{proxy+}', api: rest, stage: dev}}]"


@pytest.mark.parametrize(
    ("target", "resource", "path", "staged", "parameters"),
    [
        ("/dev//a", "/a", "/a", "/dev//a", None),
        ("//dev/a", "/a", "/a", "/dev/a", None),
        ("///dev///a?q", "/a", "/a", "/dev///a", None),
        ("//a", "/a", "/a", "/dev//a", None),
        ("/dev//a/7", "/a/{x}", "/a/7", "/dev//a/7", {"x": "7"}),
        ("//a/%2F7", "/a/{x}", "/a/%2F7", "/dev//a/%2F7", {"x": "%2F7"}),
        ("/dev//b//c", "/{proxy+}", "/b//c", "/dev//b//c", {"proxy": "b//c"}),
        ("//dev/b//c", "/{proxy+}", "/b//c", "/dev/b//c", {"proxy": "b//c"}),
        ("/dev/a//7", "/{proxy+}", "/a//7", "/dev/a//7", {"proxy": "a//7"}),
    ],
)
async def test_slashes_before_the_stage_and_behind_it_are_one_for_a_rest_api(
    target: str, resource: str, path: str, staged: str, parameters: dict[str, str] | None
) -> None:
    """Recorded of AWS: //stage/x and /stage//x both come to the resource /x, not to the greedy one beside it."""
    made = Rig(OK, f=SLASHED, g=GREEDY)
    for _ in range(2):  # the second is answered by what the first has left behind
        assert (await made.ask(target)).status == 200
        event = made.events()[-1]
        assert (event["resource"], event["path"], event["requestContext"]["path"]) == (resource, path, staged)
        assert event["pathParameters"] == parameters
        assert made.outlet.invoked[-1].function == ("g" if resource == "/{proxy+}" else "f")


async def test_no_slash_leads_past_the_guard_of_a_rest_route() -> None:
    keyed = "[{http: {route: GET /a, api: rest, throttle: {rate: 1, burst: 1}}}]"
    made = Rig(OK, f=keyed, g="[{http: {route: 'ANY /{proxy+}', api: rest}}]")
    assert [(await made.ask(target)).status for target in ("//a", "/a", "///a", "/%2Fa")] == [200, 429, 429, 200]
    assert [event["resource"] for event in made.events()] == ["/a", "/{proxy+}"]


@pytest.mark.parametrize("route", ["ANY /{proxy+}", "$default"])
async def test_slashes_stay_where_an_http_api_takes_them(route: str) -> None:
    made = Rig(OK, f="[{http: {route: GET /a, api: rest}}]", g=f"[http: '{route}']")
    assert (await made.ask("//a")).status == 200
    assert (made.events()[0]["routeKey"], made.events()[0]["rawPath"]) == (route, "//a")


@pytest.mark.parametrize(
    ("trigger", "target", "value"),
    [
        ("http: 'ANY /a/{proxy+}'", "/a/", ""),
        ("http: {route: 'ANY /a/{proxy+}', payload_format_version: '1.0'}", "/a/", ""),
        ("http: {route: 'ANY /a/{proxy+}', base_path: /v1}", "/v1/a/", ""),
        ("http: {route: 'ANY /a/{proxy+}', stage: dev}", "/dev/a/", ""),
        ("http: 'ANY /a/{proxy+}'", "/a", None),
        ("http: 'ANY /{proxy+}'", "/", None),
        ("http: {route: 'ANY /{proxy+}', base_path: /v1}", "/v1/", None),
        ("http: {route: 'ANY /a/{proxy+}', api: rest}", "/a/", None),
    ],
)
async def test_a_greedy_variable_of_an_http_api_may_be_empty_behind_its_slash(trigger: str, target: str, value: str | None) -> None:
    made = Rig(OK, f=f"[{{{trigger}}}]")
    response = await made.ask(target)
    if value is None:
        assert response.status in (403, 404)
    else:
        assert made.events()[0]["pathParameters"] == {"proxy": value}


async def test_a_route_with_the_slash_is_stronger() -> None:
    made = Rig(OK, f="[{http: {route: GET /a, api: rest}}]", g="[http: GET /a/]")
    await made.ask("/a/")
    assert made.outlet.invoked[0].function == "g"


# -- preflights


def cors_of(response: Response) -> dict[str, str]:
    return {name: value for name, value in response.headers if name.startswith("access-control")}


ALLOWED = {
    "access-control-allow-origin": "https://shop.example",
    "access-control-allow-methods": "PUT",
    "access-control-max-age": "60",
}


@pytest.mark.parametrize(
    ("functions", "target", "ids"),
    [
        ({"f": f"[{{http: {{route: PUT /x, {CORS}}}}}]"}, "/x", "apigw-requestid"),
        ({"f": f"[{{http: {{route: 'ANY /{{proxy+}}', {CORS}}}}}]"}, "/a/b", "apigw-requestid"),
        ({"f": f"[{{http: {{route: PUT /x, {CORS}}}}}]", "g": "[http: OPTIONS /x]"}, "/x", "apigw-requestid"),
        ({"f": f"[{{http: {{route: OPTIONS /x, {CORS}}}}}]"}, "/x", "apigw-requestid"),
        ({"f": f"[{{http: {{route: PUT /x, stage: dev, {CORS}}}}}]"}, "/dev/x", "apigw-requestid"),
        ({"f": f"[{{url: {{auth: none, {CORS}}}}}]"}, "/_url/f/x", "x-amzn-requestid"),
    ],
)
async def test_a_preflight_runs_nothing_and_needs_no_options_route(functions: dict[str, str], target: str, ids: str) -> None:
    made = Rig(OK, **functions)
    response = await made.ask(target, "OPTIONS", PREFLIGHT)
    assert (response.status, response.body, cors_of(response)) == (204, b"", ALLOWED)
    assert header(response, ids)
    assert not made.outlet.invoked
    stranger = await made.ask(target, "OPTIONS", [("Origin", "https://evil.example"), PREFLIGHT[1]])
    assert (stranger.status, cors_of(stranger)) == (204, {})


@pytest.mark.parametrize(
    ("functions", "target", "headers", "status"),
    [
        ({"f": f"[{{http: {{route: PUT /x, {CORS}}}}}]"}, "/x", PREFLIGHT[:1], 404),
        ({"f": f"[{{http: {{route: PUT /x, {CORS}}}}}]"}, "/y", PREFLIGHT, 404),
        ({"f": f"[{{http: {{route: PUT /x, {CORS}}}}}]", "g": "[http: OPTIONS /y]"}, "/y", PREFLIGHT, 200),
        ({"f": f"[{{http: {{route: PUT /x, {CORS}}}}}]"}, "/%00", PREFLIGHT, 400),
        ({"f": "[{http: {route: 'ANY /x', api: rest}}]"}, "/x", PREFLIGHT, 200),
        ({"f": "[url: none]"}, "/_url/f/x", PREFLIGHT, 200),
        ({"f": f"[{{url: {{auth: none, {CORS}}}}}]"}, "/_url/f/x", PREFLIGHT[1:], 200),
    ],
)
async def test_what_is_no_preflight_goes_the_ordinary_way(
    functions: dict[str, str], target: str, headers: Sequence[tuple[str, str]], status: int
) -> None:
    made = Rig(OK, **functions)
    assert (await made.ask(target, "OPTIONS", headers)).status == status
    assert len(made.outlet.invoked) == (status == 200)


@pytest.mark.parametrize("trigger", [f"http: {{route: 'ANY /{{proxy+}}', {CORS}}}", f"url: {{auth: none, {CORS}}}"])
@pytest.mark.parametrize("answer", [{"statusCode": 200, "headers": {"access-control-allow-origin": "*"}}, {"statusCode": 99}])
async def test_answers_and_gateway_errors_carry_cors(trigger: str, answer: object) -> None:
    """A page must be able to read why it failed; nobody else is named, whatever the function says."""
    made = Rig(answer, f=f"[{{{trigger}}}]")
    target = "/_url/f/x" if trigger.startswith("url") else "/x"
    mine = await made.ask(target, "GET", [("Origin", "https://shop.example")])
    assert header(mine, "access-control-allow-origin") == ["https://shop.example"]
    assert header(mine, "vary") == ["origin"]
    other = await made.ask(target, "GET", [("Origin", "https://evil.example")])
    assert header(other, "access-control-allow-origin") == []
    large = await made.ask(target, "POST", [("Origin", "https://shop.example")], b"x" * (6 * 1024 * 1024 + 1))
    assert (large.status, header(large, "access-control-allow-origin")) == (413, ["https://shop.example"])


REST = "cors: {allow_origins: https://shop.example, allow_headers: [X-A]}"


@pytest.mark.parametrize(
    ("route", "asked"),
    [
        (f"route: GET /x, {REST}", ["/x", "/x/", "//x"]),
        (f"route: GET /x, throttle: {{rate: 1, burst: 1}}, {REST}", ["/x"]),
        (f"route: GET /x, stage: dev, {REST}", ["/x", "/dev/x"]),
        (f"route: GET /x, base_path: /v1, {REST}", ["/v1/x"]),
        (f"route: 'GET /{{id}}', {REST}", ["/1", "/a%20b"]),
    ],
)
async def test_a_rest_api_answers_options_of_a_path_without_the_function(route: str, asked: list[str]) -> None:
    """In front of the guards: a browser sends no credentials with a preflight."""
    made = Rig(OK, f=f"[{{http: {{api: rest, {route}}}}}]")
    for target in asked:
        for headers in (PREFLIGHT, [("Origin", "https://evil.example")], []):
            response = await made.ask(target, "OPTIONS", headers)
            assert (response.status, response.body) == (200, b""), target
            assert [line for line in response.headers if line[0].startswith("Access")] == [
                ("Access-Control-Allow-Origin", "https://shop.example"),
                ("Access-Control-Allow-Methods", "GET,OPTIONS"),
                ("Access-Control-Allow-Headers", "X-A"),
            ]
            assert header(response, "x-amzn-requestid")
    assert not made.outlet.invoked


async def test_answers_of_a_rest_api_are_the_functions_own() -> None:
    own = {"statusCode": 200, "headers": {"access-control-allow-origin": "https://own.example"}}
    made = Rig(own, f=f"[{{http: {{api: rest, route: GET /x, {REST}}}}}]")
    answer = await made.ask("/x", "GET", PREFLIGHT[:1])
    assert header(answer, "access-control-allow-origin") == ["https://own.example"]
    assert header(await made.ask("/y", "OPTIONS", PREFLIGHT), "access-control-allow-origin") == []


@pytest.mark.parametrize("own", ["{http: {api: rest, route: OPTIONS /x}}", "http: OPTIONS /x"])
async def test_a_function_that_has_options_keeps_it(own: str) -> None:
    made = Rig(OK, f=f"[{{http: {{api: rest, route: GET /x, {REST}}}}}]", g=f"[{own}]")
    await made.ask("/x", "OPTIONS", PREFLIGHT)
    assert [one.function for one in made.outlet.invoked] == ["g"]


async def test_any_is_no_options_and_all_methods_of_the_path_are_named() -> None:
    made = Rig(
        OK,
        f=f"[{{http: {{api: rest, route: ANY /x, {REST}}}}}, {{http: {{api: rest, route: PUT /y, {REST}}}}}]",
        g="[{http: {api: rest, route: GET /y}}]",
    )
    named = [header(await made.ask(path, "OPTIONS", PREFLIGHT), "access-control-allow-methods") for path in ("/x", "/y")]
    assert (named, made.outlet.invoked) == ([["DELETE,GET,HEAD,OPTIONS,PATCH,POST,PUT"], ["GET,OPTIONS,PUT"]], [])


def test_one_path_has_one_answer_to_preflights() -> None:
    other = REST.replace("shop", "other")
    with pytest.raises(ConfigError, match=r"functions\.g\.triggers\[0\]\.http\.cors: another route of /\{name\} has another cors"):
        Rig(
            OK,
            f=f"[{{http: {{api: rest, route: 'GET /{{id}}', {REST}}}}}]",
            g=f"[{{http: {{api: rest, route: 'PUT /{{name}}', {other}}}}}]",
        )
    Rig(OK, f=f"[{{http: {{api: rest, route: GET /a, {REST}}}}}]", g=f"[{{http: {{api: rest, route: GET /b, {other}}}}}]")


async def test_head_and_options_of_everything_are_requests_like_others() -> None:
    made = Rig(OK, f="[http: ANY /a, http: $default]")
    assert (await made.ask("/a", "HEAD")).status == 200
    assert (await made.ask("*", "OPTIONS")).status == 200
    assert [event["requestContext"]["http"]["method"] for event in made.events()] == ["HEAD", "OPTIONS"]
