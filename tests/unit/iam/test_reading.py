"""Policy documents: what is none, told with its place; nothing that JSON can hold breaks the reader."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.iam import conditions
from router.iam.policy import BadPolicy, Kind
from router.iam.reading import mistakes_in, parse, read

GOOD = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}


def mistakes(document: Any, kind: Kind = "identity") -> list[str]:
    with pytest.raises(BadPolicy) as caught:
        read(document, name="p", kind=kind)
    assert str(caught.value)
    return [str(mistake) for mistake in caught.value.mistakes]


def of(*statements: Any, **more: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements), **more}


@pytest.mark.parametrize(
    ("document", "told"),
    [
        (None, 'a policy is an object: {"Version": "2012-10-17", "Statement": […]}'),
        ([GOOD], "a policy is an object"),
        ({}, "Statement is one statement or a list of them"),
        ({"Statement": []}, "Statement: Statement is one statement or a list"),
        ({"statement": [GOOD]}, "statement: no element of a policy, did you mean Statement?"),
        (of(GOOD, Version="2012"), "Version: one of 2012-10-17, 2008-10-17"),
        (of(GOOD, Version=2012), "Version: one of 2012-10-17, 2008-10-17"),
        (of(GOOD, Id=1), "Id: is no text"),
        (of(GOOD, "x"), "Statement[1]: a statement is an object"),
        (of(*[GOOD] * 1001), "Statement: more than 1000 statements"),
        (of({**GOOD, "Sid": "a b"}), "Statement[0].Sid: a Sid is letters and digits"),
        (of({**GOOD, "Sid": ["a"]}), "Statement[0].Sid: a Sid is letters and digits"),
        (of({**GOOD, "Sid": "a"}, {**GOOD, "Sid": "a"}), "Statement[1].Sid: a names another statement already"),
        (of({**GOOD, "Effect": "allow"}), "Statement[0].Effect: Effect is Allow or Deny"),
        (of({**GOOD, "Effect": ["Allow"]}), "Statement[0].Effect: Effect is Allow or Deny"),
        (of({"Action": "*", "Resource": "*"}), "Statement[0]: Effect is Allow or Deny"),
        (of({"Effect": "Allow", "Resource": "*"}), "Statement[0]: neither Action nor NotAction"),
        (of({**GOOD, "NotAction": "*"}), "Statement[0]: both Action and NotAction"),
        (of({**GOOD, "NotResource": "*"}), "Statement[0]: both Resource and NotResource"),
        (of({**GOOD, "Action": []}), "Statement[0].Action: an empty list"),
        (of({**GOOD, "Action": ["s3:*", 3]}), "Statement[0].Action[1]: is neither text nor a list of texts"),
        (of({**GOOD, "Action": {"a": 1}}), "Statement[0].Action: is neither text nor a list of texts"),
        (of({**GOOD, "Action": "GetObject"}), "Statement[0].Action: 'GetObject' is no action"),
        (of({**GOOD, "Action": "s*:GetObject"}), "is no action"),
        (of({**GOOD, "Action": "*:GetObject"}), "is no action"),
        (of({**GOOD, "Action": "s3:"}), "is no action"),
        (of({**GOOD, "Action": ""}), "is no action"),
        (of({**GOOD, "Resource": "arn:aws:s3:b"}), "Statement[0].Resource: 'arn:aws:s3:b' is neither * nor an ARN of six fields"),
        (of({**GOOD, "Resource": "**"}), "is neither * nor an ARN"),
        (of({**GOOD, "Resource": "arn:aws:s3:::${username}"}), "Statement[0].Resource: ${username} is no policy variable"),
        (of({**GOOD, "Resource": "arn:aws:s3:::${aws:username"}), "${ without a }"),
        (of({**GOOD, "Condition": []}), "Statement[0].Condition: an object of objects"),
        (of({**GOOD, "Condition": {"Like": {"s3:prefix": "a"}}}), "Statement[0].Condition.Like: Like is no condition operator"),
        (of({**GOOD, "Condition": {"stringequals": {"s3:prefix": "a"}}}), "did you mean StringEquals?"),
        (of({**GOOD, "Condition": {"NullIfExists": {"s3:prefix": "true"}}}), "NullIfExists is no condition operator"),
        (of({**GOOD, "Condition": {"ForSomeValues:StringEquals": {"s3:prefix": "a"}}}), "is no condition operator"),
        (of({**GOOD, "Condition": {"StringEquals": "a"}}), "Statement[0].Condition.StringEquals: an object of keys and values"),
        (of({**GOOD, "Condition": {"StringEquals": {}}}), "an object of keys and values"),
        (of({**GOOD, "Condition": {"StringEquals": {"prefix": "a"}}}), "'prefix' is no condition key, as aws:SourceIp"),
        (of({**GOOD, "Condition": {"StringEquals": {"s3:prefix": "a", "S3:Prefix": "b"}}}), "the letter case of a key does not count"),
        (of({**GOOD, "Condition": {"StringEquals": {"s3:prefix": []}}}), "StringEquals.s3:prefix: an empty list"),
        (of({**GOOD, "Condition": {"StringEquals": {"s3:prefix": [None]}}}), "s3:prefix[0]: is neither text nor a list of texts"),
        (of({**GOOD, "Condition": {"NumericEquals": {"s3:max-keys": "ten"}}}), "'ten' is not a number, which NumericEquals compares"),
        (of({**GOOD, "Condition": {"NumericEquals": {"s3:max-keys": "NaN"}}}), "'NaN' is not a number"),
        (of({**GOOD, "Condition": {"DateEquals": {"aws:CurrentTime": "2026-13-01"}}}), "is not an ISO 8601 date or epoch seconds"),
        (of({**GOOD, "Condition": {"Bool": {"aws:SecureTransport": "yes"}}}), "'yes' is not true or false"),
        (of({**GOOD, "Condition": {"Null": {"s3:prefix": "${aws:username}"}}}), "Null takes true or false, no variable"),
        (of({**GOOD, "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/33"}}}), "is not an address or a range"),
        (of({**GOOD, "Condition": {"BinaryEquals": {"aws:PrincipalTag/x": "a"}}}), "'a' is not base64"),
        (of({**GOOD, "Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:s3"}}}), "is not an ARN of six fields"),
        (of({**GOOD, "Principal": "*"}), "Statement[0].Principal: a role's or a key's policy has no principal"),
        (of({**GOOD, "Resources": "*"}), "Statement[0].Resources: no element of a policy, did you mean Resource?"),
    ],
)
def test_mistakes_have_their_places(document: Any, told: str) -> None:
    assert any(told in mistake for mistake in mistakes(document)), mistakes(document)
    assert mistakes_in(document)


@pytest.mark.parametrize(
    ("principal", "told"),
    [
        ({}, "Statement[0].Principal: * or an object"),
        ("me", "Statement[0].Principal: * or an object"),
        ({"aws": "*"}, "Statement[0].Principal.aws: no element of a policy, did you mean AWS?"),
        ({"AWS": "ann"}, "Statement[0].Principal.AWS: 'ann' is no principal"),
        ({"AWS": ["*", "arn:aws:iam::123:root"]}, "Statement[0].Principal.AWS[1]:"),
        ({"AWS": "arn:aws:iam::123456789012:role/*x"}, None),
        ({"Service": "s3"}, "Statement[0].Principal.Service: 's3' is no service, as s3.amazonaws.com"),
    ],
)
def test_principals_of_a_resource_s_policy(principal: Any, told: str | None) -> None:
    document = of({**GOOD, "Principal": principal})
    if told is None:
        read(document, name="p", kind="resource")
    else:
        assert any(told in mistake for mistake in mistakes(document, "resource"))


@pytest.mark.parametrize(
    "sid", ["Allow SNS publish to SQS", "topic-subscription-arn:aws:sns:eu-west-1:123456789012:t", "__owner_statement"]
)
def test_a_statement_of_a_resource_s_policy_may_be_called_what_consoles_and_templates_call_it(sid: str) -> None:
    statement = {**GOOD, "Principal": "*", "Sid": sid}
    assert [one.name for one in read(of(statement), name="p", kind="resource").statements] == [sid]
    assert mistakes(of({**statement, "Sid": "a\nb"}), "resource") == ["Statement[0].Sid: a Sid is a text of printable ASCII characters"]
    assert mistakes(of({**GOOD, "Sid": sid})) == ["Statement[0].Sid: a Sid is letters and digits"]


def test_an_element_that_is_misspelt_is_not_missing_too() -> None:
    misspelt = "Statement[0].Actoin: no element of a policy, did you mean Action?"
    assert mistakes(of({"Effect": "Allow", "Actoin": "*", "Resource": "*"})) == [misspelt]
    assert mistakes(of({"Effect": "Allow", "Actoin": "*"})) == [misspelt, "Statement[0]: neither Resource nor NotResource"]
    assert len(mistakes(of({"Effect": "Allow", "Foo": "*", "Resource": "*", "x" * 61: 1}))) == 3


def test_a_resource_s_policy_names_its_principal_once() -> None:
    assert mistakes(of(GOOD), "resource") == ["Statement[0]: a resource's policy names its Principal"]
    assert mistakes(of({**GOOD, "Principal": "*", "NotPrincipal": "*"}), "resource") == ["Statement[0]: both Principal and NotPrincipal"]


@pytest.mark.parametrize(
    ("principal", "right"),
    [
        ("*", True),
        ({"AWS": "123456789012"}, True),
        ({"AWS": "arn:aws:iam::123456789012:role/r"}, True),
        ({"Service": "s3.amazonaws.com"}, True),
        ({"AWS": "210987654321"}, False),
        ({"AWS": ["123456789012", "arn:aws:iam::210987654321:root"]}, False),
        ({"AWS": "arn:aws:sts::210987654321:assumed-role/r/s"}, False),
    ],
)
def test_a_resource_s_policy_lets_no_other_account_in(principal: Any, right: bool) -> None:
    def told(effect: str) -> list[str]:
        try:
            read(of({**GOOD, "Effect": effect, "Principal": principal}), name="p", kind="resource", account="123456789012")
        except BadPolicy as error:
            return [str(mistake) for mistake in error.mistakes]
        return []

    assert told("Deny") == []
    assert (told("Allow") == []) is right
    assert right or "another account than 123456789012" in told("Allow")[0]


def test_all_mistakes_are_told_at_once() -> None:
    told = mistakes(of({"Effect": "x", "Action": "y", "Resource": "z", "W": 1}, GOOD, {"Effect": "Allow"}))
    assert len(told) == 6


@pytest.mark.parametrize(
    "key", ["cognito-identity.amazonaws.com:sub", "oidc.example.com/id/7:aud", "SAML:aud", "aws:PrincipalTag/a b".replace(" ", "")]
)
def test_keys_of_identity_providers_are_keys(key: str) -> None:
    policy = read(of({**GOOD, "Resource": f"arn:aws:s3:::b/${{{key}}}/*", "Condition": {"StringEquals": {key: "x"}}}), name="p")
    assert policy.statements[0].conditions[0].key == key


def test_one_statement_may_stand_without_a_list_and_one_value_too() -> None:
    policy = read({"Statement": {**GOOD, "Sid": "One"}}, name="p")
    assert [statement.name for statement in policy.statements] == ["One"]
    assert read(of(GOOD), name="p").statements[0].name == "Statement[0]"


@pytest.mark.parametrize(
    "text", ["", "{", "nul", '{"a": 1, "a": 2}', '{"Statement": [{"Effect": "Allow", "Effect": "Deny"}]}', "[" * 100_000]
)
def test_text_that_is_no_document(text: str) -> None:
    with pytest.raises(BadPolicy):
        parse(text)


@pytest.mark.parametrize("name", conditions.OPERATORS)
def test_every_operator_is_known_with_prefix_and_suffix(name: str) -> None:
    found = conditions.operator(name)
    assert found is not None
    if name != "Null":
        all_of = conditions.operator(f"ForAllValues:{name}IfExists")
        assert all_of is not None
        assert all_of[1:] == (found.base, found.inverted, "all", True)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(["Allow", "*", "s3:*", "arn:aws:s3:::${aws:x}"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(max_size=5)
            | st.sampled_from(["Statement", "Effect", "Action", "Resource", "Condition", "StringLike", "s3:prefix", "Principal", "AWS"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)


@given(JSON, st.sampled_from(["identity", "resource", "session"]), st.booleans())
def test_whatever_json_holds_is_a_policy_or_a_bad_policy(document: Any, kind: Kind, lenient: bool) -> None:
    for one in (document, {"Statement": document}, {"Version": "2012-10-17", "Statement": [{**GOOD, "Condition": document}]}):
        with suppress(BadPolicy):
            assert read(one, name="p", kind=kind, lenient=lenient).statements


@given(st.lists(st.sampled_from(["s3:GetObject", "sqs:*", "*"]), min_size=1), st.sampled_from(["Allow", "Deny"]))
def test_a_document_survives_json(actions: list[str], effect: str) -> None:
    document = of({"Effect": effect, "Action": actions, "Resource": "*"})
    assert read(parse(json.dumps(document)), name="p") == read(document, name="p")
