"""Who may assume a role: the verdicts of its trust beside those of the caller's own policies, and what a trust may say."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.iam import telling, trust
from router.iam.evaluation import Policies, Reason, Request, evaluate
from router.iam.policy import BadPolicy
from router.iam.principals import ANONYMOUS, Principal, role_session, service, user
from router.iam.reading import mistakes_in, read

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/target"
ANN, BOB = user(ACCOUNT, "ann"), user(ACCOUNT, "bob")
JOB = role_session(ACCOUNT, "worker", "job")
ROOT = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
MAY = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": ROLE}


def statement(principal: Any, effect: str = "Allow", **more: Any) -> dict[str, Any]:
    return {"Effect": effect, "Principal": principal, "Action": "sts:AssumeRole", **more}


def decided(who: Principal, own: bool, *statements: Mapping[str, Any], session: Any = None, **context: str) -> tuple[Reason, str]:
    """The reason, and what is answered."""
    policies = Policies(
        [read({"Version": "2012-10-17", "Statement": [MAY]}, name="own")] if own else [],
        trust.of("target", {"Version": "2012-10-17", "Statement": list(statements)}),
        None if session is None else read({"Version": "2012-10-17", "Statement": [session]}, name="session", kind="session"),
    )
    asked = Request("sts:AssumeRole", ROLE, who, {key.replace("_", ":"): (value,) for key, value in context.items()}, ACCOUNT)
    decision = evaluate(asked, policies)
    assert decision.allowed is (decision.reason is Reason.ALLOWED)
    return decision.reason, telling.denial(asked, decision)


@pytest.mark.parametrize(
    ("who", "own", "principal", "reason"),
    [
        (ANN, False, {"AWS": ANN.arn}, Reason.ALLOWED),  # named himself he needs no policy of his own
        (ANN, True, {"AWS": ANN.arn}, Reason.ALLOWED),
        (BOB, True, {"AWS": ANN.arn}, Reason.NO_TRUST_POLICY),  # and no policy of his own helps who is not named
        (ANN, True, ROOT, Reason.ALLOWED),
        (ANN, False, ROOT, Reason.NO_IDENTITY_POLICY),  # the account leaves it to its own policies
        (ANN, False, {"AWS": ACCOUNT}, Reason.NO_IDENTITY_POLICY),
        (ANN, False, "*", Reason.ALLOWED),
        (JOB, False, {"AWS": f"arn:aws:iam::{ACCOUNT}:role/worker"}, Reason.ALLOWED),
        (JOB, False, {"AWS": JOB.arn}, Reason.ALLOWED),
        (JOB, True, {"AWS": f"arn:aws:iam::{ACCOUNT}:role/other"}, Reason.NO_TRUST_POLICY),
        (ANN, True, {"Service": "lambda.amazonaws.com"}, Reason.NO_TRUST_POLICY),
        (ANN, True, {"Federated": "arn:aws:iam::123456789012:oidc-provider/x"}, Reason.NO_TRUST_POLICY),
        (ANN, True, {"AWS": "arn:aws:iam::210987654321:root"}, Reason.NO_TRUST_POLICY),
        (ANONYMOUS, False, {"AWS": ANN.arn}, Reason.NO_TRUST_POLICY),
        (service("lambda.amazonaws.com"), False, {"Service": ["ec2.amazonaws.com", "lambda.amazonaws.com"]}, Reason.ALLOWED),
        (service("events.amazonaws.com"), False, {"Service": "lambda.amazonaws.com"}, Reason.NO_TRUST_POLICY),
        (service("lambda.amazonaws.com"), False, "*", Reason.NO_TRUST_POLICY),  # which service may take a role is said by name
    ],
)
def test_a_trust_must_let_in_who_assumes_the_role(who: Principal, own: bool, principal: Any, reason: Reason) -> None:
    assert decided(who, own, statement(principal))[0] is reason


def test_denials_in_aws_words() -> None:
    said = f"User: {BOB.arn} is not authorized to perform: sts:AssumeRole on resource: {ROLE} "
    assert decided(BOB, True, statement({"AWS": ANN.arn}))[1] == f"{said}because no role trust policy allows the sts:AssumeRole action"
    denied = decided(BOB, True, statement("*"), statement({"AWS": BOB.arn}, "Deny"))
    assert denied == (Reason.EXPLICIT_DENY, f"{said}with an explicit deny in the role trust policy")


@pytest.mark.parametrize("effect", ["Allow", "Deny"])
def test_conditions_of_a_trust_hold(effect: str) -> None:
    """The id that is agreed with a third party, the name of the session, and a condition that is not known: void, or in force."""
    wanted = statement(
        ROOT, effect, Condition={"StringEquals": {"sts:ExternalId": "agreed"}, "StringLike": {"sts:RoleSessionName": "ci-*"}}
    )
    statements = [wanted] if effect == "Allow" else [statement(ROOT), wanted]
    met = {"sts_externalid": "agreed", "sts_rolesessionname": "ci-1"}
    for context in (met, {**met, "sts_externalid": "guessed"}, {**met, "sts_rolesessionname": "x"}, {"sts_rolesessionname": "ci-1"}):
        allowed = decided(ANN, True, *statements, **context)[0] is Reason.ALLOWED
        assert allowed is ((context == met) == (effect == "Allow"))
    strange = statement(ROOT, effect, Condition={"StringEquals": {"token.actions.githubusercontent.com:sub": "x"}})
    assert decided(ANN, True, *([strange] if effect == "Allow" else [statement(ROOT), strange]))[0] is not Reason.ALLOWED


def test_a_session_is_bounded_as_ever() -> None:
    nothing = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    role = statement({"AWS": f"arn:aws:iam::{ACCOUNT}:role/worker"})
    assert decided(JOB, False, role, session=nothing)[0] is Reason.NO_SESSION_POLICY
    assert decided(JOB, False, role, session=MAY)[0] is Reason.ALLOWED


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({**statement("*"), "Resource": "*"}, "Statement[0].Resource: a trust has no resource"),
        ({**statement("*"), "NotResource": "*"}, "Statement[0].NotResource: a trust has no resource"),
        ({**statement("*"), "Action": "s3:GetObject"}, "Statement[0].Action: 's3:GetObject' is no action of a trust"),
        ({**statement("*"), "Action": ["sts:AssumeRole", "*"]}, "Statement[0].Action[1]: '*' is no action of a trust"),
        ({"Effect": "Allow", "Action": "sts:AssumeRole"}, "Statement[0]: a role's trust names its Principal"),
        (statement({"AWS": "ann"}), "'ann' is no principal"),
        (statement({"Service": "lambda"}), "'lambda' is no service"),
    ],
)
def test_what_is_no_trust_is_told(document: Any, told: str) -> None:
    assert any(told in str(one) for one in mistakes_in({"Statement": [document]}, "trust"))
    with pytest.raises(BadPolicy):
        trust.of("r", {"Statement": [document]})
    assert not trust.lets("r", {"Statement": [document]}, trust.LAMBDA, ACCOUNT)


def test_without_a_trust_every_service_may() -> None:
    assert trust.of("r", None) is None
    assert trust.lets("r", None, trust.LAMBDA, ACCOUNT)


def test_a_service_assumes_a_role_for_something() -> None:
    own = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f"
    document = {
        "Statement": [
            statement(
                {"Service": trust.LAMBDA}, Condition={"ArnLike": {"aws:SourceArn": own}, "StringEquals": {"aws:SourceAccount": ACCOUNT}}
            )
        ]
    }
    assert trust.lets("r", document, trust.LAMBDA, ACCOUNT, own)
    assert not trust.lets("r", document, trust.LAMBDA, ACCOUNT, own + "g")
    assert not trust.lets("r", document, trust.LAMBDA, ACCOUNT)
    assert not trust.lets("r", document, trust.RULES, ACCOUNT, own)
    for_any = {"Statement": [statement({"Service": trust.LAMBDA}, Condition={"ArnLikeIfExists": {"aws:SourceArn": own}})]}
    assert trust.lets("r", for_any, trust.LAMBDA, ACCOUNT), "where nobody says what for, there is no such key"


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=8), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["Statement", "Effect", "Principal", "Action", "AWS", "Service", "Condition", "Version"]), inner, max_size=4), max_leaves=12)  # fmt: skip


@given(st.dictionaries(st.sampled_from(["Statement", "Version", "Id"]), JSON, max_size=3))
def test_whatever_a_trust_says_it_is_read_or_lets_nobody_in(document: dict[str, Any]) -> None:
    if mistakes_in(document, "trust"):
        assert not trust.lets("r", document, trust.LAMBDA, ACCOUNT)
