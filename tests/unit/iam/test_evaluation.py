"""Evaluation: the grid of verdicts, every row as an Allow and as a Deny, and what statements come to together."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.iam import telling
from router.iam.evaluation import Decision, Policies, Reason, Request, evaluate
from router.iam.policy import Kind, Policy
from router.iam.principals import ANONYMOUS, Principal, role_session, service, user
from router.iam.reading import read
from tests.unit.iam import grid
from tests.unit.iam.grid import ACCOUNT, FUNCTION, OBJECT, OTHER, QUEUE, Case

SESSION = role_session(ACCOUNT, "resizer", "resize")
ANN = user(ACCOUNT, "ann")
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def policy(*statements: Mapping[str, Any], kind: Kind = "identity", version: str = "2012-10-17", lenient: bool = False) -> Policy:
    return read(
        {"Version": version, "Statement": list(statements)} if version else {"Statement": list(statements)},
        name="p",
        kind=kind,
        lenient=lenient,
    )


def request(
    action: str = "s3:GetObject", resource: str = OBJECT, context: Mapping[str, Any] | None = None, who: Principal = SESSION
) -> Request:
    values = {key: (value,) if isinstance(value, str) else tuple(value) for key, value in (context or {}).items()}
    return Request(action, resource, who, values)


def applies(statement: Mapping[str, Any], asked: Request, version: str = "2012-10-17") -> bool:
    """Whether a statement applies: as an Allow it allows, as a Deny it denies what everything else allows."""
    allowed = evaluate(asked, Policies([policy({"Effect": "Allow", **statement}, version=version)]))
    denied = evaluate(asked, Policies([policy(EVERYTHING, {"Effect": "Deny", **statement}, version=version)]))
    assert allowed.allowed != denied.allowed, (allowed, denied)
    assert allowed.reason is (Reason.ALLOWED if allowed.allowed else Reason.NO_IDENTITY_POLICY)
    assert denied.reason is (Reason.ALLOWED if denied.allowed else Reason.EXPLICIT_DENY)
    return allowed.allowed


def ids(case: Case) -> str:
    return f"{case.element} {case.given}"[:120]


@pytest.mark.parametrize("case", grid.ACTIONS, ids=ids)
def test_actions(case: Case) -> None:
    assert applies({"Action": case.element, "Resource": "*"}, request(case.given)) is case.applies


@pytest.mark.parametrize("case", grid.NOT_ACTIONS, ids=ids)
def test_not_actions(case: Case) -> None:
    assert applies({"NotAction": case.element, "Resource": "*"}, request(case.given)) is case.applies


@pytest.mark.parametrize("case", grid.RESOURCES, ids=ids)
def test_resources(case: Case) -> None:
    assert applies({"Action": "*", "Resource": case.element}, request(resource=case.given)) is case.applies


@pytest.mark.parametrize("case", grid.NOT_RESOURCES, ids=ids)
def test_not_resources(case: Case) -> None:
    assert applies({"Action": "*", "NotResource": case.element}, request(resource=case.given)) is case.applies


@pytest.mark.parametrize("case", grid.CONDITIONS, ids=ids)
def test_conditions(case: Case) -> None:
    operator, key, values = case.element
    context = {} if case.given is None else {key.lower(): case.given}
    statement = {"Action": "*", "Resource": "*", "Condition": {operator: {key: values}}}
    assert applies(statement, request(context=context, who=ANN)) is case.applies
    other_case = {"Action": "*", "Resource": "*", "Condition": {operator: {key.swapcase(): values}}}
    assert applies(other_case, request(context=context, who=ANN)) is case.applies


@pytest.mark.parametrize("case", grid.VARIABLES, ids=ids)
def test_variables(case: Case) -> None:
    (pattern, version), (resource, context) = case.element, case.given
    assert applies({"Action": "*", "Resource": pattern}, request(resource=resource, context=context), version) is case.applies


def test_the_grid_is_large_enough() -> None:
    assert sum(map(len, (grid.ACTIONS, grid.NOT_ACTIONS, grid.RESOURCES, grid.NOT_RESOURCES, grid.CONDITIONS, grid.VARIABLES))) >= 300


# -- several conditions, several statements

IN = {"StringLike": {"s3:prefix": "in/*"}}
SECURE = {"Bool": {"aws:SecureTransport": "true"}}


@pytest.mark.parametrize(
    ("condition", "context", "holds"),
    [
        ({**IN, **SECURE}, {"s3:prefix": "in/a", "aws:securetransport": "true"}, True),
        ({**IN, **SECURE}, {"s3:prefix": "in/a", "aws:securetransport": "false"}, False),
        ({**IN, **SECURE}, {"s3:prefix": "out/a", "aws:securetransport": "true"}, False),
        ({"StringEquals": {"s3:prefix": "a", "s3:delimiter": "/"}}, {"s3:prefix": "a", "s3:delimiter": "/"}, True),
        ({"StringEquals": {"s3:prefix": "a", "s3:delimiter": "/"}}, {"s3:prefix": "a"}, False),
        ({"StringNotEquals": {"s3:prefix": "a", "s3:delimiter": "/"}}, {"s3:prefix": "b"}, True),
        ({"StringNotEquals": {"s3:prefix": "a", "s3:delimiter": "/"}}, {"s3:prefix": "b", "s3:delimiter": "/"}, False),
        ({}, {}, True),
        ({"StringEquals": {"s3:prefix": "${aws:PrincipalTag/team}"}}, {"s3:prefix": "red", "aws:principaltag/team": "red"}, True),
        ({"StringEquals": {"s3:prefix": "${aws:PrincipalTag/team}"}}, {"s3:prefix": "red", "aws:principaltag/team": "blue"}, False),
        ({"StringEquals": {"s3:prefix": "${aws:PrincipalTag/team}"}}, {"s3:prefix": "red"}, False),
        ({"StringNotEquals": {"s3:prefix": "${aws:PrincipalTag/team}"}}, {"s3:prefix": "red"}, False),
        ({"StringLike": {"s3:prefix": "${aws:PrincipalTag/team}/*"}}, {"s3:prefix": "red/x", "aws:principaltag/team": "red"}, True),
        ({"StringLike": {"s3:prefix": "${aws:PrincipalTag/team}"}}, {"s3:prefix": "red", "aws:principaltag/team": "*"}, False),
        ({"NumericLessThan": {"s3:max-keys": "${aws:PrincipalTag/max, '5'}"}}, {"s3:max-keys": "4"}, True),
        ({"StringEquals": {"s3:prefix": ["${aws:PrincipalTag/a}", "${aws:PrincipalTag/b, 'x'}"]}}, {"s3:prefix": "x"}, False),
    ],
)
def test_conditions_together(condition: Any, context: Any, holds: bool) -> None:
    assert applies({"Action": "*", "Resource": "*", "Condition": condition}, request(context=context)) is holds


ALLOW = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
DENY = {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::uploads/*"}
DENY_ELSEWHERE = {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::results/*"}
ALLOW_SQS = {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}
DENY_INSECURE = {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
DENY_OTHERS = {"Effect": "Deny", "Action": "*", "NotResource": "arn:aws:s3:::results/*"}
DENY_ALL_BUT = {"Effect": "Deny", "NotAction": "s3:Get*", "Resource": "*"}


@pytest.mark.parametrize(
    ("policies", "reason"),
    [
        ([], Reason.NO_IDENTITY_POLICY),
        ([[ALLOW]], Reason.ALLOWED),
        ([[ALLOW_SQS]], Reason.NO_IDENTITY_POLICY),
        ([[ALLOW, DENY]], Reason.EXPLICIT_DENY),
        ([[DENY, ALLOW]], Reason.EXPLICIT_DENY),
        ([[ALLOW], [DENY]], Reason.EXPLICIT_DENY),
        ([[DENY], [ALLOW]], Reason.EXPLICIT_DENY),
        ([[DENY]], Reason.EXPLICIT_DENY),
        ([[ALLOW, DENY_ELSEWHERE]], Reason.ALLOWED),
        ([[DENY_ELSEWHERE]], Reason.NO_IDENTITY_POLICY),
        ([[ALLOW_SQS], [ALLOW]], Reason.ALLOWED),
        ([[ALLOW, DENY_INSECURE]], Reason.ALLOWED),  # the key is absent: Bool does not hold
        ([[ALLOW, DENY_OTHERS]], Reason.EXPLICIT_DENY),
        ([[ALLOW, DENY_ALL_BUT]], Reason.ALLOWED),
    ],
)
def test_statements_together(policies: Sequence[Sequence[Any]], reason: Reason) -> None:
    decision = evaluate(request(), Policies([policy(*statements) for statements in policies]))
    assert decision.reason is reason
    assert decision.allowed is (reason is Reason.ALLOWED)


# -- the policy of a function or a queue


def resource_policy(principal: Any, effect: str = "Allow", *, key: str = "Principal", **more: Any) -> Policy:
    return policy({"Effect": effect, key: principal, "Action": "*", "Resource": "*", **more}, kind="resource")


ROLE = f"arn:aws:iam::{ACCOUNT}:role/resizer"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
FROM_UPLOADS = {"Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:s3:::uploads"}}}
S3 = service("s3.amazonaws.com")


@pytest.mark.parametrize(
    ("who", "principal", "allowed"),
    [
        (SESSION, "*", True),
        (SESSION, {"AWS": "*"}, True),
        (SESSION, {"AWS": ROLE}, True),
        (SESSION, {"AWS": SESSION.arn}, True),
        (SESSION, {"AWS": [f"arn:aws:iam::{ACCOUNT}:role/other", ROLE]}, True),
        (SESSION, {"AWS": f"arn:aws:iam::{ACCOUNT}:role/other"}, False),
        (SESSION, {"AWS": f"arn:aws:sts::{ACCOUNT}:assumed-role/resizer/other"}, False),
        (SESSION, {"AWS": f"arn:aws:iam::{OTHER}:role/resizer"}, False),
        (SESSION, {"AWS": ACCOUNT}, False),  # the account: its own policies decide
        (SESSION, {"AWS": ROOT}, False),
        (SESSION, {"AWS": OTHER}, False),
        (SESSION, {"Service": "s3.amazonaws.com"}, False),
        (SESSION, {"CanonicalUser": "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"}, False),
        (SESSION, {"Federated": "cognito-identity.amazonaws.com"}, False),
        (ANN, {"AWS": ANN.arn}, True),
        (ANN, {"AWS": f"arn:aws:iam::{ACCOUNT}:user/bob"}, False),
        (ANN, {"AWS": ROLE}, False),
        (ANN, "*", True),
        (S3, {"Service": "s3.amazonaws.com"}, True),
        (S3, {"Service": ["events.amazonaws.com", "s3.amazonaws.com"]}, True),
        (S3, {"Service": "events.amazonaws.com"}, False),
        (S3, {"AWS": "*"}, True),  # as in the policies of queues that topics and buckets send to, with a condition on aws:SourceArn
        (S3, "*", True),
        (S3, {"AWS": ROOT}, False),
        (S3, {"AWS": ROLE, "Service": "s3.amazonaws.com"}, True),
        (ANONYMOUS, "*", True),
        (ANONYMOUS, {"AWS": "*"}, True),
        (ANONYMOUS, {"AWS": ROLE}, False),
        (ANONYMOUS, {"AWS": ACCOUNT}, False),
    ],
)
def test_whom_a_resource_policy_names(who: Principal, principal: Any, allowed: bool) -> None:
    decision = evaluate(request("lambda:InvokeFunction", FUNCTION, who=who), Policies((), resource_policy(principal)))
    assert decision.allowed is allowed


@pytest.mark.parametrize(
    ("who", "principal", "key", "denied"),
    [
        (SESSION, "*", "Principal", True),
        (SESSION, {"AWS": ROLE}, "Principal", True),
        (SESSION, {"AWS": ACCOUNT}, "Principal", True),
        (SESSION, {"AWS": f"arn:aws:iam::{ACCOUNT}:role/other"}, "Principal", False),
        (SESSION, {"AWS": ROLE}, "NotPrincipal", False),
        (SESSION, {"AWS": f"arn:aws:iam::{ACCOUNT}:role/other"}, "NotPrincipal", True),
        (ANN, {"AWS": ROLE}, "NotPrincipal", True),
    ],
)
def test_whom_a_resource_policy_denies(who: Principal, principal: Any, key: str, denied: bool) -> None:
    decision = evaluate(
        request("sqs:SendMessage", QUEUE, who=who), Policies([policy(EVERYTHING)], resource_policy(principal, "Deny", key=key))
    )
    assert decision.allowed is not denied
    assert decision.reason is (Reason.EXPLICIT_DENY if denied else Reason.ALLOWED)


@pytest.mark.parametrize(
    ("context", "allowed"),
    [({"aws:sourcearn": "arn:aws:s3:::uploads"}, True), ({"aws:sourcearn": "arn:aws:s3:::other"}, False), ({}, False)],
)
@pytest.mark.parametrize("principal", [{"Service": "s3.amazonaws.com"}, "*", {"AWS": "*"}])
def test_a_service_comes_from_where_the_policy_says(principal: Any, context: Any, allowed: bool) -> None:
    asked = request("lambda:InvokeFunction", FUNCTION, context, S3)
    decision = evaluate(asked, Policies([policy(EVERYTHING)], resource_policy(principal, **FROM_UPLOADS)))
    assert decision.allowed is allowed
    assert decision.reason is (Reason.ALLOWED if allowed else Reason.NO_RESOURCE_POLICY)


@pytest.mark.parametrize("principal", ["*", {"AWS": "*"}])
def test_who_denies_everybody_denies_services(principal: Any) -> None:
    statements = [{"Effect": effect, "Action": "*", "Resource": "*"} for effect in ("Allow", "Deny")]
    both = policy(
        {**statements[0], "Principal": {"Service": "s3.amazonaws.com"}}, {**statements[1], "Principal": principal}, kind="resource"
    )
    decision = evaluate(request("sqs:SendMessage", QUEUE, who=S3), Policies((), both))
    assert decision.reason is Reason.EXPLICIT_DENY


@pytest.mark.parametrize("resource", [f"arn:aws:sqs:us-east-1:{OTHER}:jobs", f"arn:aws:lambda:us-east-1:{OTHER}:function:f"])
@pytest.mark.parametrize("by", [None, "*"])
def test_nothing_reaches_across_accounts(resource: str, by: Any) -> None:
    policies = Policies([policy(EVERYTHING)], None if by is None else resource_policy(by))
    decision = evaluate(request("sqs:SendMessage", resource), policies)
    assert not decision.allowed
    assert decision.reason is Reason.OTHER_ACCOUNT
    assert "another account" in telling.verdict(decision)


def test_a_bucket_without_an_account_in_its_arn_is_of_the_account_that_is_told() -> None:
    asked = Request("s3:GetObject", OBJECT, SESSION, {}, account=OTHER)
    assert evaluate(asked, Policies([policy(EVERYTHING)])).reason is Reason.OTHER_ACCOUNT


@pytest.mark.parametrize("key", ["aws:ResourceAccount", "s3:ResourceAccount"])
@pytest.mark.parametrize(("resource", "told"), [(OBJECT, ""), (OBJECT, ACCOUNT), (QUEUE, ""), ("*", ACCOUNT)])
def test_whose_a_resource_is_is_known(key: str, resource: str, told: str) -> None:
    for account in (ACCOUNT, OTHER):
        own = account == ACCOUNT
        asked = Request("s3:GetObject", resource, SESSION, {key.lower(): (OTHER,)}, account=told)  # a request does not say it itself
        assert applies({"Action": "*", "Resource": "*", "Condition": {"StringEquals": {key: account}}}, asked) is own
        assert applies({"Action": "*", "Resource": "*", "Condition": {"StringNotEquals": {key: account}}}, asked) is not own


def test_the_organisation_of_a_resource_is_not_known() -> None:
    condition = {"Action": "*", "Resource": "*", "Condition": {"StringEquals": {"aws:ResourceOrgID": "o-1"}}}
    assert not evaluate(request(), Policies([policy({"Effect": "Allow", **condition}, lenient=True)])).allowed
    assert evaluate(request(), Policies([policy(EVERYTHING, {"Effect": "Deny", **condition}, lenient=True)])).reason is Reason.EXPLICIT_DENY


# -- sessions

READ_ONLY = {"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}


@pytest.mark.parametrize(
    ("identity", "resource", "session", "reason"),
    [
        ([ALLOW], None, [READ_ONLY], Reason.ALLOWED),
        ([ALLOW], None, [ALLOW_SQS], Reason.NO_SESSION_POLICY),
        ([ALLOW_SQS], None, [READ_ONLY], Reason.NO_IDENTITY_POLICY),
        ([ALLOW], None, [ALLOW, DENY], Reason.EXPLICIT_DENY),
        ([ALLOW], None, [EVERYTHING], Reason.ALLOWED),
        ([], ROLE, [READ_ONLY], Reason.ALLOWED),
        ([], ROLE, [ALLOW_SQS], Reason.NO_SESSION_POLICY),
        ([], SESSION.arn, [ALLOW_SQS], Reason.ALLOWED),  # naming the session itself
        ([], "*", [ALLOW_SQS], Reason.NO_SESSION_POLICY),
        ([], ROLE, None, Reason.ALLOWED),
        ([ALLOW], ACCOUNT, None, Reason.ALLOWED),
    ],
)
def test_a_session_policy_bounds(identity: Any, resource: Any, session: Any, reason: Reason) -> None:
    policies = Policies(
        [policy(*identity)] if identity else [],
        None if resource is None else resource_policy("*" if resource == "*" else {"AWS": resource}),
        None if session is None else policy(*session, kind="session"),
    )
    assert evaluate(request(), policies).reason is reason


# -- fails closed

STRANGE = {"StringEquals": {"ec2:Vpc": "vpc-1"}}
UNKNOWN = [
    {"Action": "*", "Resource": "*", "Condition": STRANGE},
    {"Action": "*", "Resource": "*", "Condition": {"StringEqualsIfExists": {"ec2:Vpc": "vpc-1"}}},
    {"Action": "*", "Resource": "*", "Condition": {"Null": {"ec2:Vpc": "true"}}},
    {"Action": "*", "Resource": "*", "Condition": {"ForAllValues:StringEquals": {"ec2:Vpc": "vpc-1"}}},
    {"Action": "*", "Resource": "*", "Condition": {"StringNotEquals": {"ec2:Vpc": "vpc-1"}}},
    {"Action": "*", "Resource": "*", "Condition": {"StringNotEquals": {"s3:prefix": "${ec2:Vpc}"}}},
    {"Action": "*", "Resource": "arn:aws:s3:::${ec2:Vpc}/*"},
    {"Action": "*", "NotResource": "arn:aws:s3:::${ec2:Vpc}/*"},
    {"Action": "*", "Resource": "*", "Condition": {"StringMatches": {"s3:prefix": "a"}}},
    {"Action": "*", "Resource": "*", "Condition": {"NullIfExists": {"s3:prefix": "true"}}},
]


def both(statement: Mapping[str, Any], asked: Request) -> tuple[Decision, Decision]:
    return (
        evaluate(asked, Policies([policy({"Effect": "Allow", **statement}, lenient=True)])),
        evaluate(asked, Policies([policy(EVERYTHING, {"Effect": "Deny", **statement}, lenient=True)])),
    )


@pytest.mark.parametrize("statement", UNKNOWN, ids=str)
def test_what_is_not_known_denies_and_is_said(statement: Any) -> None:
    allowing, denying = both(statement, request(context={"s3:prefix": "a", "ec2:vpc": "vpc-1"}))
    assert not allowing.allowed
    assert not denying.allowed
    assert denying.reason is Reason.EXPLICIT_DENY
    assert "is not known" in " ".join(telling.lines(allowing))
    assert "is not known" in " ".join(telling.lines(denying))


def test_what_is_not_known_does_not_matter_where_another_condition_does_not_hold() -> None:
    statement = {"Action": "*", "Resource": "*", "Condition": {**STRANGE, "StringEquals": {"ec2:Vpc": "x", "s3:prefix": "b"}}}
    allowing, denying = both(statement, request(context={"s3:prefix": "a"}))
    assert not allowing.allowed
    assert denying.allowed


# -- telling


def test_the_words_of_denials_are_aws_s() -> None:
    said = f"User: {SESSION.arn} is not authorized to perform: s3:GetObject on resource: {OBJECT} "
    tell = lambda policies: telling.denial(request(), evaluate(request(), policies))  # noqa: E731
    assert tell(Policies()) == said + "because no identity-based policy allows the s3:GetObject action"
    assert tell(Policies([policy(DENY)])) == said + "with an explicit deny in an identity-based policy"
    assert tell(Policies((), resource_policy("*", "Deny"))) == said + "with an explicit deny in a resource-based policy"
    assert (
        tell(Policies([policy(ALLOW)], None, policy(ALLOW_SQS, kind="session")))
        == said + "because no session policy allows the s3:GetObject action"
    )


def test_a_decision_says_which_statement_decided_and_why_others_did_not() -> None:
    named = policy({**ALLOW_SQS, "Sid": "Queues"}, {**ALLOW, "Sid": "Objects"}, {**DENY_INSECURE, "Sid": "Plain"})
    decision = evaluate(request(context={"aws:securetransport": "true"}), Policies([named]))
    assert telling.verdict(decision) == "allowed by Objects of p"
    assert list(telling.lines(decision)) == [
        "Allow Queues of p: does not apply; Action does not cover s3:GetObject",
        "Allow Objects of p: applies; action and resource match",
        "Deny Plain of p: does not apply; Condition Bool aws:SecureTransport: true against false",
    ]


# -- properties

TEXT = st.text(st.sampled_from("ab*?:/$"), max_size=8)
STATEMENTS = st.fixed_dictionaries(
    {
        "Effect": st.sampled_from(["Allow", "Deny"]),
        "Action": st.sampled_from(["*", "s3:*", "s3:Get*", "sqs:*"]),
        "Resource": TEXT.map(lambda text: f"arn:aws:s3:::{text}") | st.just("*"),
    }
)


@given(st.lists(STATEMENTS, min_size=1, max_size=5), TEXT)
def test_a_deny_more_never_allows_more_and_order_does_not_count(statements: list[Any], key: str) -> None:
    asked = request(resource=f"arn:aws:s3:::{key}")
    whole = evaluate(asked, Policies([policy(*statements)]))
    assert evaluate(asked, Policies([policy(*reversed(statements))])).allowed is whole.allowed
    assert not evaluate(asked, Policies([policy(*statements, {"Effect": "Deny", "Action": "*", "Resource": "*"})])).allowed
    assert len(whole.findings) == len(statements)
    if whole.allowed:
        assert evaluate(asked, Policies([policy(*[s for s in statements if s["Effect"] == "Allow"])])).allowed
