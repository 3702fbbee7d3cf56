"""Policies of authorizers: what is none, and evaluation against an oracle that looks at every way a pattern can match."""

import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.events.authorizer_policy import BadPolicy, Ruling, evaluate, read

ARN = "arn:aws:execute-api:us-east-1:123456789012:abcdef123/test/GET/request"


def statement(effect: str = "Allow", resource: Any = ARN, action: Any = "execute-api:Invoke", **more: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


def document(*statements: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def said(*statements: Any, arn: str = ARN) -> Ruling:
    return evaluate(read(document(*statements)), arn)


ANY = "arn:aws:execute-api:*:*:*"


@pytest.mark.parametrize(
    ("statements", "ruling"),
    [
        ([], "none"),
        ([statement()], "allow"),
        ([statement("Deny")], "deny"),
        ([statement(), statement("Deny")], "deny"),
        ([statement("Deny"), statement()], "deny"),
        ([statement(), statement("Deny", "arn:aws:execute-api:us-east-1:123456789012:abcdef123/test/GET/other")], "allow"),
        ([statement(resource=["arn:aws:execute-api:::", ARN])], "allow"),
        ([statement(resource="*")], "allow"),
        ([statement(resource=ANY)], "allow"),
        ([statement(resource="arn:aws:execute-api:*:*:*/*/GET/*")], "allow"),
        ([statement(resource="arn:aws:execute-api:*:*:*/*/POST/*")], "none"),
        ([statement(resource=ARN.replace("GET", "get"))], "none"),
        ([statement(resource=ARN.replace("request", "reques?"))], "allow"),
        ([statement(resource=ARN.replace("request", "request?"))], "none"),
        ([statement(resource=ARN + "/")], "none"),
        ([statement(resource=ARN.replace("request", "re*est"))], "allow"),
        ([statement(resource=ARN.replace("GET/request", "*"))], "allow"),
        ([statement(resource=ARN.replace("aws", "aws-cn"))], "none"),
        ([statement(action="EXECUTE-API:INVOKE")], "allow"),
        ([statement(action="execute-api:*")], "allow"),
        ([statement(action="execute-api:Inv?ke")], "allow"),
        ([statement(action="*")], "allow"),
        ([statement(action="execute-api:ManageConnections")], "none"),
        ([statement(action=["s3:GetObject", "execute-api:Invoke"])], "allow"),
        ([statement(action="s3:*")], "none"),
        ([{"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}], "allow"),
        ([{"Effect": "Deny", "Action": "*", "NotResource": ANY}], "none"),
        ([{"Effect": "Deny", "Action": "*", "NotResource": ARN.replace("GET", "POST")}], "deny"),
        ([statement(Sid="One"), statement("Deny", "*", "s3:*")], "allow"),
        ([statement(Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}})], "none"),
        ([statement("Deny", Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}})], "deny"),
        ([statement(), statement("Deny", ARN + "x", Condition={"Bool": {"aws:SecureTransport": "false"}})], "allow"),
        ([statement(Condition={})], "allow"),
    ],
)
def test_what_a_policy_says(statements: list[Any], ruling: str) -> None:
    assert said(*statements) == ruling


def test_one_statement_may_stand_without_a_list() -> None:
    assert evaluate(read({"Statement": statement()}), ARN) == "allow"


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, "no object"),
        ("{}", "no object"),
        ({}, "Statement is no list"),
        ({"Version": "2020-01-01", "Statement": []}, "Version"),
        ({"Version": None, "Statement": []}, "Version"),
        (document("x"), "Statement[0] is no object"),
        (document(statement("Allow|Deny")), "neither Allow nor Deny"),
        (document(statement("allow")), "neither Allow nor Deny"),
        (document(statement(["Allow"])), "neither Allow nor Deny"),
        (document(statement({"Allow": 1})), "neither Allow nor Deny"),
        (document(statement(resource=None)), "neither text nor a list"),
        (document(statement(action=[])), "neither text nor a list"),
        (document({"Effect": "Allow", "Action": "*", "NotResource": []}), "neither text nor a list"),
        (document(statement(resource=[1])), "neither text nor a list"),
        (document(statement(action={"a": 1})), "neither text nor a list"),
        (document({"Effect": "Allow", "Action": "*"}), "neither Resource nor NotResource"),
        (document(statement(NotAction="*")), "both Action and NotAction"),
        (document(statement(Principal="*")), "'Principal'"),
        (document(statement(), statement(resource="arn:aws:execute-api:*")), "Statement[1]: a resource is neither * nor an ARN"),
        (document(statement(resource="execute-api/*")), "neither * nor an ARN"),
        (document(statement(resource="arn:aws:execute-api:*:*:${aws:username}/*")), "variables are not supported"),
    ],
)
def test_what_is_no_policy(value: Any, told: str) -> None:
    with pytest.raises(BadPolicy) as caught:
        read(value)
    assert told in str(caught.value)


def test_a_statement_for_no_resource_says_nothing() -> None:
    """Chalice's AuthResponse(routes=[]) is such a policy, and means that nothing is allowed."""
    assert evaluate(read(document(statement(resource=[]))), ARN) == "none"


# -- the oracle

LETTERS = st.sampled_from("ab/:")
TEXTS = st.text(LETTERS, max_size=8)
PATTERNS = st.text(st.sampled_from("ab/:*?"), max_size=8)
PREFIX = "arn:aws:execute-api:r:1:"


def globbed(pattern: str, text: str) -> bool:
    """Whether the pattern matches, by trying everything a star can stand for."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(globbed(pattern[1:], text[skip:]) for skip in range(len(text) + 1))
    return bool(text) and pattern[0] in {"?", text[0]} and globbed(pattern[1:], text[1:])


@given(pattern=PATTERNS, text=TEXTS)
def test_patterns_match_what_the_oracle_says(pattern: str, text: str) -> None:
    ruling = said(statement(resource=PREFIX + pattern), arn=PREFIX + text)
    assert (ruling == "allow") == globbed(pattern, text)


@given(
    statements=st.lists(
        st.tuples(
            st.sampled_from(["Allow", "Deny"]),
            st.sampled_from(["execute-api:Invoke", "execute-api:*", "s3:*", "*", "EXECUTE-API:invoke", "execute-api:Manage*"]),
            st.lists(PATTERNS, min_size=1, max_size=3),
            st.booleans(),
            st.booleans(),
        ),
        max_size=6,
    ),
    text=TEXTS,
)
def test_a_deny_beats_every_allow_and_nothing_allows_by_itself(statements: list[tuple[str, str, list[str], bool, bool]], text: str) -> None:
    made = [
        {
            "Effect": effect,
            "Action": action,
            "NotResource" if inverted else "Resource": [PREFIX + pattern for pattern in patterns],
            **({"Condition": {"Bool": {"aws:SecureTransport": "true"}}} if conditional else {}),
        }
        for effect, action, patterns, inverted, conditional in statements
    ]
    applying = [
        (effect, conditional)
        for effect, action, patterns, inverted, conditional in statements
        if action.lower() in {"execute-api:invoke", "execute-api:*", "*"}
        and any(globbed(pattern, text) for pattern in patterns) != inverted
    ]
    expected = "deny" if any(effect == "Deny" for effect, _ in applying) else "allow" if ("Allow", False) in applying else "none"
    assert said(*made, arn=PREFIX + text) == expected


@given(
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["Version", "Statement", "Effect", "Action", "Resource", "Condition"]), inner, max_size=4)
        ),
        max_leaves=12,
    )
)
def test_whatever_comes_is_a_policy_or_none(value: Any) -> None:
    with suppress(BadPolicy):
        assert evaluate(read(value), ARN) in {"allow", "deny", "none"}


def test_no_pattern_is_slow() -> None:
    """Neither the policy nor the path can make matching cost more than their lengths' product."""
    pattern = PREFIX + "*a" * 2000 + "b"
    begun = time.process_time()
    assert said(statement(resource=pattern), arn=PREFIX + "a" * 8000) == "none"
    assert time.process_time() - begun < 2
