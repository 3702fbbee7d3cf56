"""Who may call the routes of a template: none is served with less than its template demands."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.templates.translate import Options, translate
from router.templates.words import DIFFERS, REFUSED, RUNS, Translation
from tests.unit.templates.test_translate import FN, function, notes, template, triggers, verdicts

LAMBDA = {"FunctionArn": {"Fn::GetAtt": ["Guard", "Arn"]}}
COGNITO = {"UserPoolArn": "arn:aws:cognito-idp:us-east-1:123456789012:userpool/us-east-1_a"}
ELSEWHERE = {"FunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:shared"}
HTTP_LAMBDA = {**LAMBDA, "AuthorizerPayloadFormatVersion": "2.0", "Identity": {"Headers": ["Authorization"]}}


def event(path: str, auth: Any = None, api: Any = None, kind: str = "Api") -> dict[str, Any]:
    named = {("RestApiId" if kind == "Api" else "ApiId"): {"Ref": api}} if api else {}
    return {"Type": kind, "Properties": {"Path": path, "Method": "get", **named, **({} if auth is None else {"Auth": auth})}}


def served(events: dict[str, Any], globals_: dict[str, Any] | None = None, **resources: Any) -> Translation:
    return template({"Fn": function(Events=events), "Guard": FN, **resources}, Globals=globals_ or {})


def routes(found: Translation) -> dict[str, dict[str, Any]]:
    """Route → the value of its trigger, of all functions."""
    values = [one["http"] for value in found.config.get("functions", {}).values() for one in value.get("triggers", ()) if "http" in one]
    return {value if isinstance(value, str) else value["route"]: {} if isinstance(value, str) else value for value in values}


def open_routes(found: Translation) -> set[str]:
    return {key for key, value in routes(found).items() if not value.get("authorizer") and not value.get("api_keys")}


def rest(auth: Any, **properties: Any) -> dict[str, Any]:
    return {"Type": "AWS::Serverless::Api", "Properties": {"StageName": "p", "Auth": auth, **properties}}


@pytest.mark.parametrize("explicit", [False, True])
def test_the_auth_of_globals_holds_on_implicit_apis_whatever_others_there_are(explicit: bool) -> None:
    """An API of its own beside the implicit one must not be what decides whether that is guarded."""
    common = {
        "Api": {"Auth": {"DefaultAuthorizer": "T", "ApiKeyRequired": True, "Authorizers": {"T": LAMBDA}}},
        "HttpApi": {"Auth": {"DefaultAuthorizer": "H", "Authorizers": {"H": HTTP_LAMBDA}}},
    }
    own = {"Rest": {"Type": "AWS::Serverless::Api", "Properties": {"StageName": "p"}}, "Http": {"Type": "AWS::Serverless::HttpApi"}}
    events = {"A": event("/a"), "B": event("/b", {"Authorizer": "NONE", "ApiKeyRequired": False}), "H": event("/h", kind="HttpApi")}
    found = served(events, common, **(own if explicit else {}))
    assert open_routes(found) == {"GET /b"}
    assert routes(found)["GET /a"]["authorizer"] == {"function": "Guard", "type": "token"}
    assert routes(found)["GET /a"]["api_keys"] == "serverlessrestapi"
    assert routes(found)["GET /h"]["authorizer"]["function"] == "Guard"


def test_what_globals_demand_and_cannot_be_kept_takes_the_implicit_api_with_it() -> None:
    for common in ({"DefaultAuthorizer": "C", "Authorizers": {"C": COGNITO}}, {"ResourcePolicy": {"CustomStatements": []}}):
        found = served({"A": event("/a")}, {"Api": {"Auth": common}})
        assert routes(found) == {}
        assert verdicts(found)["Fn.A"] == REFUSED
    found = served({"A": event("/a"), "B": event("/b")}, {"Api": {"Frob": "x", "Auth": {"ApiKeyRequired": True}}})
    assert routes(found) == {}
    assert notes(found, "Fn.B") == "ServerlessRestApi, the API of events that name none, is refused"


@pytest.mark.parametrize("named", [None, "ServerlessRestApi"])
def test_the_implicit_api_may_be_named(named: str | None) -> None:
    found = served({"A": event("/a", api=named)}, {"Api": {"Auth": {"ApiKeyRequired": True}}})
    assert routes(found)["GET /a"]["api_keys"] == "serverlessrestapi"


def test_an_authorizer_that_is_refused_takes_the_routes_that_have_it() -> None:
    """Its own and, as the default, those that say nothing; the others are as they were."""
    events = {
        "Said": event("/said", {"Authorizer": "Bad"}, "R"),
        "Silent": event("/silent", None, "R"),
        "Keyed": event("/keyed", {"Authorizer": "Good"}, "R"),
        "Open": event("/open", {"Authorizer": "NONE", "ApiKeyRequired": False}, "R"),
    }
    for bad in (COGNITO, ELSEWHERE, None, "x", {**LAMBDA, "Frob": 1}, {**LAMBDA, "AuthorizationScopes": ["s"]}):
        auth = {"DefaultAuthorizer": "Bad", "ApiKeyRequired": True, "Authorizers": {"Bad": bad, "Good": LAMBDA}}
        found = served(events, R=rest(auth))
        assert set(routes(found)) == {"GET /keyed", "GET /open"}, bad
        assert open_routes(found) == {"GET /open"}
        assert routes(found)["GET /keyed"]["api_keys"] == "r"
        assert {name for name, verdict in verdicts(found).items() if verdict == REFUSED} == {"R.Auth", "R.Auth.Bad", "Fn.Said", "Fn.Silent"}
        assert notes(found, "Fn.Silent") == "authorizer Bad is not here"
        auth["DefaultAuthorizer"] = "Good"
        found = served(events, R=rest(auth))
        assert set(routes(found)) == {"GET /silent", "GET /keyed", "GET /open"}
        assert open_routes(found) == {"GET /open"}


@pytest.mark.parametrize(
    "auth",
    [
        {"ResourcePolicy": {"IpRangeBlacklist": ["10.0.0.0/8"]}},
        {"Frob": 1},
        {"ApiKeyRequired": "perhaps"},
        {"DefaultAuthorizer": ["L"]},
        {"ApiKeyRequired": True, "UsagePlan": {"CreateUsagePlan": "PER_API", "Frob": 1}},
        {"Authorizers": "L"},
        {"defaultAuthorizer": "L"},
        "L",
        ["L"],
    ],
)
def test_an_auth_that_cannot_be_read_takes_all_routes_of_its_api(auth: Any) -> None:
    found = served({"A": event("/a", None, "R"), "B": event("/b", {"Authorizer": "NONE"}, "R"), "C": event("/c")}, R=rest(auth))
    assert set(routes(found)) == {"GET /c"}
    assert verdicts(found)["Fn.A"] == verdicts(found)["Fn.B"] == REFUSED


@pytest.mark.parametrize(
    ("auth", "why"),
    [
        ({"Authorizer": ""}, ""),  # nothing: the default
        ({"Authorizer": "none"}, "authorizer none is not here"),
        ({"Authorizer": "AWS_IAM"}, "IAM on routes"),
        ({"Authorizer": "L", "AuthorizationScopes": ["s"]}, "AuthorizationScopes"),
        ({"Authorizer": "NONE", "AuthorizationScopes": ["s"]}, "AuthorizationScopes"),
        ({"ResourcePolicy": {"IpRangeWhitelist": ["10.0.0.0/8"]}}, "resource policies"),
        ({"Authorizers": ["L"]}, "Authorizers is not supported"),
        ("L", "must be a mapping"),
    ],
)
def test_an_event_demands_what_it_says(auth: Any, why: str) -> None:
    found = served({"A": event("/a", auth, "R")}, R=rest({"DefaultAuthorizer": "L", "Authorizers": {"L": LAMBDA}}))
    assert set(routes(found)) == (set() if why else {"GET /a"})
    assert open_routes(found) == set()
    assert why in notes(found, "Fn.A")


def test_auth_beside_the_properties_of_an_event_is_not_passed_over() -> None:
    found = served({"A": {**event("/a"), "Auth": {"ApiKeyRequired": True}}})
    assert notes(found, "Fn.A") == "Auth: beside Type an event has Properties alone"
    assert routes(found) == {}


def test_names_that_mean_something_else_are_no_authorizers() -> None:
    for name in ("NONE", "AWS_IAM"):
        found = served({"A": event("/a", None, "R")}, R=rest({"DefaultAuthorizer": name, "Authorizers": {name: LAMBDA}}))
        assert open_routes(found) == set()


def test_a_jwt_authorizer_is_an_http_apis_and_keys_are_a_rest_apis() -> None:
    jwt = {"JwtConfiguration": {"issuer": "https://id.example", "audience": ["a"]}}
    found = served({"A": event("/a", None, "R")}, R=rest({"DefaultAuthorizer": "J", "Authorizers": {"J": jwt}}))
    assert routes(found) == {}
    http = {"Type": "AWS::Serverless::HttpApi", "Properties": {"Auth": {"ApiKeyRequired": True}}}
    assert routes(served({"A": event("/a", None, "H", "HttpApi")}, H=http)) == {}
    assert routes(served({"A": event("/a", {"ApiKeyRequired": True}, None, "HttpApi")})) == {}


def test_apis_with_one_id_are_refused_where_they_are_named() -> None:
    """An id is the logical id in small letters here: the routes of one would be guarded as those of the other."""
    found = served({"A": event("/a", None, "Api")}, Api=rest({"ApiKeyRequired": True}), API=rest({}))
    assert routes(found) == {}
    assert notes(found, "Fn.A").startswith("Api and API have one id here, api")
    found = served({"A": event("/a", None, "Api")}, Api=rest("no"), API=rest({}))
    assert routes(found) == {}


def test_keys_of_another_plan_are_no_keys_of_an_api() -> None:
    plan = {"Type": "AWS::ApiGateway::UsagePlan", "Properties": {"UsagePlanName": "r"}}
    found = served({"A": event("/a", None, "R")}, R=rest({"ApiKeyRequired": True}), P=plan)
    assert routes(found) == {}
    auth = {"ApiKeyRequired": True, "UsagePlan": {"CreateUsagePlan": "SHARED"}}
    events = {"A": event("/a", None, "R"), "B": event("/b", None, "Shared"), "C": event("/c", None, "S")}
    found = served(events, R=rest(auth), S=rest(auth), Shared=rest({"ApiKeyRequired": True}))
    assert set(routes(found)) == {"GET /a", "GET /c"}


def test_a_key_may_come_from_the_authorizer() -> None:
    auth = {"ApiKeyRequired": True, "DefaultAuthorizer": "L", "Authorizers": {"L": LAMBDA}}
    events = {"A": event("/a", None, "R"), "B": event("/b", {"Authorizer": "NONE"}, "R")}
    found = served(events, R=rest(auth, ApiKeySourceType="AUTHORIZER"))
    assert routes(found)["GET /a"]["api_keys"] == {"plans": "r", "source": "authorizer"}
    assert "the key comes from an authorizer" in notes(found, "Fn.B")
    assert verdicts(served(events, R=rest(auth, ApiKeySourceType="BODY")))["R"] == REFUSED


@pytest.mark.parametrize(
    "properties",
    [
        {"EndpointConfiguration": {"Type": "PRIVATE"}},
        {"EndpointConfiguration": "private"},
        {"Domain": {"DomainName": "a.example", "MutualTlsAuthentication": {"TruststoreUri": "s3://b/k"}}},
    ],
)
def test_an_api_for_the_few_is_not_served_to_all(properties: dict[str, Any]) -> None:
    found = served({"A": event("/a", None, "R")}, R=rest({}, **properties))
    assert verdicts(found)["R"] == REFUSED
    assert routes(found) == {}


def test_an_event_of_a_function_that_is_refused_is_not_another_functions() -> None:
    """Two with one name: the second is refused, and what it opens is not opened on the first."""
    other = function(FunctionName="Fn", Events={"X": event("/x")}, FunctionUrlConfig={"AuthType": "NONE"})
    found = template({"Fn": function(), "Other": other})
    assert triggers(found) == []
    assert verdicts(found) == {"Fn": RUNS, "Other": REFUSED}


NAMES = ["DefaultAuthorizer", "Authorizers", "Authorizer", "ApiKeyRequired", "ResourcePolicy", "AuthorizationScopes", "UsagePlan", "InvokeRole", "OverrideApiAuth", "EnableIamAuthorizer", "defaultAuthorizer", "Authorisers", "Security"]  # fmt: skip
VALUES = [None, "", False, True, "true", "false", 0, 1, [], {}, "L", "C", "NONE", "none", "AWS_IAM", ["s"], [{"Authorizer": "L"}], {"L": LAMBDA}, {"L": HTTP_LAMBDA, "C": COGNITO}, {"C": ELSEWHERE}, {"L": {}}, {"CreateUsagePlan": "NONE"}, {"Ref": "AWS::NoValue"}]  # fmt: skip
AUTHS = (
    st.sampled_from([None, {}, "L", ["L"], True])
    | st.dictionaries(st.sampled_from(NAMES), st.sampled_from(VALUES), max_size=4)
    | st.fixed_dictionaries({"DefaultAuthorizer": st.sampled_from(VALUES), "Authorizers": st.sampled_from(VALUES)})
    | st.fixed_dictionaries({"ApiKeyRequired": st.sampled_from(VALUES)}, optional={"Authorizer": st.sampled_from(VALUES)})
)
NOTHING = (None, "", False, 0, [], {}, "false", {"Ref": "AWS::NoValue"})
DEMAND_NOTHING = {"Authorizers", "UsagePlan", "InvokeRole", "OverrideApiAuth", "EnableIamAuthorizer"}


def demands(auth: Any) -> set[str]:
    """The keys of an Auth that may demand something of a caller, without a thought of what; the whole when it is no mapping."""
    if not isinstance(auth, dict):
        return {"Auth"} if auth else set()
    return {key for key, value in auth.items() if value not in NOTHING and key not in DEMAND_NOTHING}


def may_be_open(of_api: Any, of_route: Any) -> bool:
    """Whether the template says that everybody may call, read as simply as can be."""
    common, own = demands(of_api), demands(of_route)
    if isinstance(of_route, dict) and of_route.get("Authorizer") == "NONE":
        own, common = own - {"Authorizer"}, common - {"DefaultAuthorizer"}
    if isinstance(of_route, dict) and of_route.get("ApiKeyRequired") in (False, "false"):
        common -= {"ApiKeyRequired"}
    return not own and not common


@settings(max_examples=600, deadline=None)
@given(
    kind=st.sampled_from(["Api", "HttpApi"]),
    api=st.sampled_from(["implicit", "explicit", "both", "definition"]),
    common=AUTHS,
    own=AUTHS,
    of_route=AUTHS,
)
def test_no_route_is_open_unless_the_template_says_so(kind: str, api: str, common: Any, own: Any, of_route: Any) -> None:
    uri = {"Fn::GetAtt": ["Fn", "Arn"]}
    operation = {"get": {"x-amazon-apigateway-integration": {"type": "aws_proxy", "uri": uri}}}
    properties: dict[str, Any] = {} if own is None else {"Auth": own}
    if api == "definition":
        properties["DefinitionBody"] = {"paths": {"/d": operation}}
    resources = {} if api == "implicit" else {"Own": {"Type": f"AWS::Serverless::{kind}", "Properties": properties}}
    events = {"I": event("/i", of_route, None, kind)}
    if resources and api != "definition":
        events["E"] = event("/e", of_route, "Own", kind)
    found = served(events, {} if common is None else {kind: {"Auth": common}}, **resources)
    both = common if own is None else {**common, **own} if isinstance(common, dict) and isinstance(own, dict) else own
    allowed = {"GET /i"} if may_be_open(common, of_route) else set()
    allowed |= {"GET /e"} if may_be_open(both, of_route) else set()
    allowed |= {"GET /d"} if may_be_open(both, None) else set()
    assert open_routes(found) <= allowed
    lost = {f"GET /{name.lower()}" for name in events} - set(routes(found))
    assert {f"Fn.{key[-1].upper()}" for key in lost} <= {row.resource for row in found.refused}


def test_a_report_says_which_key_was_made() -> None:
    found = served({"A": event("/a", {"ApiKeyRequired": True})})
    assert verdicts(found)["Fn.A"] == DIFFERS
    assert found.private
    assert json.dumps(found.config).count("change-this-key") == 1


def test_a_misspelt_section_of_globals_is_no_template() -> None:
    for common, said in (({"Apis": {"Auth": {}}}, "Globals.Apis: no section"), ({"Api": ["x"]}, "Globals.Api must be a mapping")):
        with pytest.raises(Exception, match=said):
            translate(json.dumps({"Globals": common, "Resources": {"Fn": FN}}), Options())


def test_settings_of_a_stage_bound_the_routes_that_they_name() -> None:
    settings_ = [
        {"HttpMethod": "*", "ResourcePath": "/~1a", "ThrottlingRateLimit": 1, "ThrottlingBurstLimit": 1},
        {"HttpMethod": "GET", "ResourcePath": "/*", "ThrottlingRateLimit": 2, "ThrottlingBurstLimit": 2},
    ]
    found = served({"A": event("/a", None, "R"), "B": event("/b", None, "R")}, R=rest({}, MethodSettings=settings_))
    assert routes(found)["GET /a"]["throttle"] == {"rate": 1, "burst": 1}
    assert routes(found)["GET /b"]["throttle"] == {"rate": 2, "burst": 2}


@pytest.mark.parametrize("kind", ["Api", "HttpApi"])
def test_methods_options_are_spared_the_default_authorizer_where_sam_spares_them(kind: str) -> None:
    """As AWS's own translator has it: an HTTP API's always, a REST API's when it is told so; ANY is no OPTIONS."""

    def opened(method: str, own: Any = None, **more: Any) -> bool:
        asked = event("/a", own, "A", kind)
        asked["Properties"]["Method"] = method
        auth = {"DefaultAuthorizer": "L", "Authorizers": {"L": LAMBDA if kind == "Api" else HTTP_LAMBDA}, **more}
        type_ = "AWS::Serverless::Api" if kind == "Api" else "AWS::Serverless::HttpApi"
        return bool(
            open_routes(
                served({"E": asked}, A={"Type": type_, "Properties": {"Auth": auth, **({"StageName": "p"} if kind == "Api" else {})}})
            )
        )

    spared = {"AddDefaultAuthorizerToCorsPreflight": False} if kind == "Api" else {}
    assert opened("options", **spared)
    assert opened("options") is (kind == "HttpApi")
    assert not any(opened(method, **spared) for method in ("any", "get"))
    assert not opened("options", {"Authorizer": "L"}, **spared)


@pytest.mark.parametrize(
    ("more", "keyed"),
    [({}, True), ({"AddApiKeyRequiredToCorsPreflight": True}, True), ({"AddApiKeyRequiredToCorsPreflight": False}, False)],
)
def test_methods_options_are_spared_the_key_when_the_api_says_so(more: Any, keyed: bool) -> None:
    asked = event("/a", None, "A")
    asked["Properties"]["Method"] = "OPTIONS"
    found = served({"E": asked, "F": event("/a", None, "A")}, A=rest({"ApiKeyRequired": True, **more}))
    assert ["api_keys" in routes(found)[key] for key in ("OPTIONS /a", "GET /a")] == [keyed, True]
