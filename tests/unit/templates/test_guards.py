"""What stands before APIs on AWS."""

from typing import Any

import pytest

from router.templates.words import REFUSED
from tests.unit.templates.test_authorizers import LAMBDA, event, rest, routes, served
from tests.unit.templates.test_translate import function, notes, verdicts


@pytest.mark.parametrize("logical", ["R", "ServerlessRestApi"])
def test_an_api_behind_a_web_acl_is_not_served_without(logical: str) -> None:
    arn = {"Fn::Sub": f"arn:aws:apigateway:${{AWS::Region}}::/restapis/${{{logical}}}/stages/p"}
    acl = {"Type": "AWS::WAFv2::WebACLAssociation", "Properties": {"ResourceArn": arn, "WebACLArn": {"Fn::ImportValue": "acl"}}}
    found = served({"A": event("/a", None, "R"), "B": event("/b")}, R=rest({}), W=acl)
    assert set(routes(found)) == ({"GET /b"} if logical == "R" else {"GET /a"})
    assert verdicts(found)["W"] == REFUSED
    assert "web ACL of" in notes(found, "Fn.A" if logical == "R" else "Fn.B")


@pytest.mark.parametrize("asks", [True, False])
def test_an_api_whose_clients_show_certificates_is_not_served_without(asks: bool) -> None:
    own: dict[str, Any] = {"MutualTlsAuthentication": {"TruststoreUri": "s3://b/k"}} if asks else {}
    domain = {"Type": "AWS::ApiGatewayV2::DomainName", "Properties": {"DomainName": "a.example", **own}}
    mapping = {"Type": "AWS::ApiGatewayV2::ApiMapping", "Properties": {"ApiId": {"Ref": "R"}, "DomainName": {"Ref": "D"}, "Stage": "p"}}
    found = served({"A": event("/a", None, "R"), "B": event("/b")}, R=rest({}), D=domain, M=mapping)
    assert set(routes(found)) == ({"GET /b"} if asks else {"GET /a", "GET /b"})
    assert verdicts(found)["D"] == verdicts(found)["M"] == REFUSED


# -- a condition that cannot be told: what has it may be there


def test_a_web_acl_that_may_be_there_takes_the_routes_of_its_api() -> None:
    arn = {"Fn::Sub": "arn:aws:apigateway:${AWS::Region}::/restapis/${R}/stages/p"}
    acl = {"Type": "AWS::WAFv2::WebACLAssociation", "Condition": "Unknown", "Properties": {"ResourceArn": arn}}
    found = served({"A": event("/a", None, "R"), "B": event("/b")}, R=rest({}), W=acl)
    assert set(routes(found)) == {"GET /b"}
    assert notes(found, "W") == "the template has no condition Unknown"
    assert "web ACL of" in notes(found, "Fn.A")


def test_routes_of_a_function_that_may_be_there_do_not_come_to_wider_ones() -> None:
    admin = function(Events={"A": event("/admin", {"Authorizer": "L"}, "R")}) | {"Condition": "Unknown"}
    api = rest({"Authorizers": {"L": LAMBDA}})
    found = served({"All": event("/{proxy+}", None, "R"), "B": event("/b", None, "R")}, R=api, Admin=admin)
    assert set(routes(found)) == {"GET /b"}
    assert notes(found, "Admin") == "the template has no condition Unknown"
