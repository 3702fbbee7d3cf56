"""Events of functions at APIs that declare routes themselves. Which routes there are was compared with what AWS's own translator makes;
what `Auth` and `OverrideApiAuth` do to them is from reading it."""

from typing import Any

import pytest

from router.templates.words import DIFFERS, REFUSED, RUNS, Translation
from tests.unit.templates.test_authorizers import HTTP_LAMBDA, LAMBDA, event, open_routes, routes
from tests.unit.templates.test_openapi import operation
from tests.unit.templates.test_translate import FN, function, notes, template, triggers, verdicts

PATHS = {"/a": {"get": operation({"timeoutInMillis": 2000})}}
AUTH = {"Authorizers": {"L": LAMBDA}}


def rest(**properties: Any) -> dict[str, Any]:
    return {"Type": "AWS::Serverless::Api", "Properties": {"StageName": "p", "DefinitionBody": {"paths": PATHS}, **properties}}


def http(operations: dict[str, Any] | None = None, **properties: Any) -> dict[str, Any]:
    body = {"paths": {"/a": {"get": operation(operations)}}}
    return {"Type": "AWS::Serverless::HttpApi", "Properties": {"DefinitionBody": body, **properties}}


def served(api: dict[str, Any], events: dict[str, Any], others: dict[str, Any] | None = None) -> Translation:
    return template({"A": api, "Fn": function(Events=events), "Other": function(Events=others or {}), "Guard": FN})


def test_an_event_at_a_definition_repeats_its_route_and_adds_none() -> None:
    found = served(rest(), {"E": event("/a", None, "A")}, {"More": event("/b", None, "A"), "Same": event("/a", None, "A")})
    assert triggers(found) == [{"http": {"route": "GET /a", "api": "rest", "stage": "p", "timeout": "2000ms"}}]
    assert triggers(found, "Other") == []
    told = verdicts(found)
    assert (told["Fn.E"], told["Other.More"], told["Other.Same"]) == (RUNS, DIFFERS, DIFFERS)
    assert notes(found, "Other.More") == "A declares its routes itself, and this is none of them: an event adds none, as on AWS"
    assert notes(found, "Other.Same") == "A gives this route to Fn itself, as on AWS"


@pytest.mark.parametrize("kind", ["Api", "HttpApi"])
def test_an_event_adds_no_route_to_an_api_that_is_no_sam_resource(kind: str) -> None:
    raw = {"Type": "AWS::ApiGateway::RestApi" if kind == "Api" else "AWS::ApiGatewayV2::Api", "Properties": {}}
    found = served(raw, {"E": event("/a", None, "A", kind)})
    assert (routes(found), verdicts(found)["Fn.E"]) == ({}, DIFFERS)


@pytest.mark.parametrize("auth", [{"Authorizer": "L"}, {"Authorizer": "L", "OverrideApiAuth": True}, {"ApiKeyRequired": True}])
def test_what_an_event_demands_beyond_the_definition_takes_its_route_with_it(auth: Any) -> None:
    found = served(rest(Auth=AUTH), {"E": event("/a", auth, "A")})
    assert (routes(found), verdicts(found)["Fn.E"]) == ({}, REFUSED)
    assert notes(found, "Fn.E") == "Auth: A declares its routes itself, and who may call them; write it there"


def test_an_event_opens_no_route_of_a_definition() -> None:
    guarded = rest(Auth={**AUTH, "DefaultAuthorizer": "L"})
    for auth, verdict in (({"Authorizer": "NONE"}, RUNS), ({"Authorizer": "NONE", "OverrideApiAuth": True}, REFUSED)):
        found = served(guarded, {"E": event("/a", auth, "A")})
        assert (set(routes(found)), open_routes(found), verdicts(found)["Fn.E"]) == ({"GET /a"}, set(), verdict)


def test_a_route_that_the_definition_cannot_have_is_not_the_event_s_either() -> None:
    body = {"paths": {"/a": {"get": operation(security=[{"api_key": []}])}}}
    for api in (rest(DefinitionBody=body), rest(DefinitionBody=body, MergeDefinitions=True)):
        found = served(api, {"E": event("/a", None, "A")})
        assert (routes(found), verdicts(found)["Fn.E"]) == ({}, REFUSED)


def test_merged_definitions_have_routes_of_both_and_the_event_s_function_where_both_have_one() -> None:
    found = served(rest(MergeDefinitions=True), {}, {"Same": event("/a", None, "A"), "More": event("/b", None, "A")})
    assert triggers(found) == []
    assert triggers(found, "Other") == [
        {"http": {"route": "GET /a", "api": "rest", "stage": "p"}},
        {"http": {"route": "GET /b", "api": "rest", "stage": "p"}},
    ]
    opened = rest(MergeDefinitions=True, Auth={**AUTH, "DefaultAuthorizer": "L"})
    assert open_routes(served(opened, {"E": event("/a", {"Authorizer": "NONE"}, "A")})) == {"GET /a"}


def test_an_http_api_s_definition_keeps_its_function_and_takes_what_the_event_says() -> None:
    auth = {"Authorizers": {"H": HTTP_LAMBDA}}
    same = event("/a", {"Authorizer": "H"}, "A", "HttpApi")
    same["Properties"]["PayloadFormatVersion"] = "2.0"
    found = served(http({"timeoutInMillis": 2000}, Auth=auth), {}, {"Same": same, "More": event("/b", None, "A", "HttpApi")})
    (mine,) = triggers(found)
    assert mine["http"]["authorizer"]["function"] == "Guard"
    assert (mine["http"]["timeout"], mine["http"]["payload_format_version"]) == ("2000ms", "2.0")
    assert triggers(found, "Other") == [{"http": "GET /b"}]
    assert notes(found, "Other.Same") == "A gives this route to Fn itself, as on AWS"
    found = served(http({"payloadFormatVersion": "1.0"}), {"E": event("/a", None, "A", "HttpApi")})
    assert triggers(found) == [{"http": {"route": "GET /a", "payload_format_version": "1.0"}}]
