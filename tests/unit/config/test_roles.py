"""Roles: policies as the config spells them, mistakes told where they stand, and the functions that have them."""

import pytest

from router.iam.reading import read
from tests.unit.config.conftest import BASE, Place

HEAD = BASE + "roles:\n  r:\n    policy:"
LIST = """
      - {Effect: Allow, Action: "s3:GetObject", Resource: "arn:aws:s3:::uploads/*"}
      - Effect: Allow
        Action: ["s3:PutObject"]
        Resource: arn:aws:s3:::home/${aws:username}/*
        Condition: {Bool: {aws:SecureTransport: true}, NumericLessThan: {s3:max-keys: 10}}
"""


def test_a_list_of_statements_is_a_policy_of_the_current_version(place: Place) -> None:
    role = place.load(HEAD + LIST).roles["r"]
    assert role.policy["Version"] == "2012-10-17"
    assert [one["Action"] for one in role.policy["Statement"]] == ["s3:GetObject", ["s3:PutObject"]]
    assert role.policy["Statement"][1]["Resource"] == "arn:aws:s3:::home/${aws:username}/*"
    assert len(read(role.policy, name="r").statements) == 2


def test_a_whole_document_stays_as_it_is(place: Place) -> None:
    document = ' {Version: "2008-10-17", Statement: {Effect: Deny, NotAction: "s3:*", Resource: "*"}}\n'
    role = place.load(HEAD + document).roles["r"]
    assert role.policy == {"Version": "2008-10-17", "Statement": {"Effect": "Deny", "NotAction": "s3:*", "Resource": "*"}}


def test_policies_of_services_that_are_not_here_are_policies(place: Place) -> None:
    document = ' [{Effect: Allow, Action: "bedrock:InvokeModel", Resource: "*", Condition: {StringEquals: {"ec2:Vpc": vpc-1}}}]\n'
    assert place.load(HEAD + document).roles["r"].policy["Statement"][0]["Action"] == "bedrock:InvokeModel"


@pytest.mark.parametrize(
    ("policy", "told"),
    [
        ("\n", "8:12: roles.r.policy: is required: a list of statements"),
        (" all\n", "8:13: roles.r.policy: must be a list of statements, as - {"),
        (" []\n", "8:13: roles.r.policy: must be a list of statements, as - {"),
        (" {}\n", "8:13: roles.r.policy: must be a list of statements, as - {"),
        (" [all]\n", "8:14: roles.r.policy[0]: a statement is an object"),
        (' [{Effect: allow, Action: "*", Resource: "*"}]\n', "8:23: roles.r.policy[0].Effect: Effect is Allow or Deny"),
        (' [{Effect: Allow, Actoin: "*", Resource: "*"}]\n', "roles.r.policy[0].Actoin: no element of a policy, did you mean Action?"),
        (' [{Effect: Allow, Action: "*"}]\n', "8:14: roles.r.policy[0]: neither Resource nor NotResource"),
        (' [{Effect: Allow, Action: [s3:A, x], Resource: "*"}]\n', "8:45: roles.r.policy[0].Action[1]: 'x' is no action"),
        (' [{Effect: Allow, Action: "*", Resource: bucket}]\n', "roles.r.policy[0].Resource: 'bucket' is neither * nor an ARN"),
        (
            ' [{Effect: Allow, Action: "*", Resource: "*", Condition: {StringEqual: {s3:prefix: a}}}]\n',
            "roles.r.policy[0].Condition.StringEqual: StringEqual is no condition operator, did you mean StringEquals?",
        ),
        (
            ' [{Effect: Allow, Action: "*", Resource: "*", Condition: {IpAddress: {aws:SourceIp: [10.0.0.0/8, home]}}}]\n',
            "aws:SourceIp\"[1]: 'home' is not an address or a range",
        ),
        (
            ' [{Effect: Allow, Action: "*", Resource: "*", Principal: "*"}]\n',
            "roles.r.policy[0].Principal: a role's or a key's policy has no",
        ),
        (" {Version: 2012-10-18, Statement: []}\n", "8:23: roles.r.policy.Version: one of 2012-10-17, 2008-10-17"),
        (' [{Effect: Allow, Action: "*", Resource: "arn:aws:s3:::${aws:username"}]\n', "roles.r.policy[0].Resource: ${ without a }"),
    ],
)
def test_mistakes_are_told_where_they_stand(place: Place, policy: str, told: str) -> None:
    assert any(told in problem for problem in place.mistakes(HEAD + policy)), place.mistakes(HEAD + policy)


def test_a_policy_larger_than_a_role_may_have_is_refused(place: Place) -> None:
    many = "".join(
        f'\n      - {{Effect: Allow, Action: "s3:GetObject", Resource: "arn:aws:s3:::bucket-{number:04}/*"}}' for number in range(200)
    )
    assert any("longer than the 10,240 characters" in problem for problem in place.mistakes(HEAD + many))


def test_a_function_has_a_role_that_there_is(place: Place) -> None:
    text = BASE + "    role: reader\n" + 'roles: {reader: {policy: [{Effect: Allow, Action: "s3:GetObject", Resource: "*"}]}}\n'
    assert place.load(text).functions["f"].role == "reader"
    assert place.mistakes(text.replace("role: reader", "role: raeder")) == [
        "config.yaml:6:11: functions.f.role: no role raeder, did you mean reader?; roles are defined under roles"
    ]
    assert place.load(BASE).functions["f"].role == ""


@pytest.mark.parametrize("name", ["a b", "a/b", "x" * 65])
def test_a_role_s_name_is_one_of_iam_s(place: Place, name: str) -> None:
    text = BASE + f'roles: {{"{name}": {{policy: [{{Effect: Allow, Action: "*", Resource: "*"}}]}}}}\n'
    assert any("a role's name is 1 to 64" in problem for problem in place.mistakes(text))


def test_unknown_keys_of_a_role_are_refused(place: Place) -> None:
    text = BASE + 'roles: {r: {polcy: [], policy: [{Effect: Allow, Action: "*", Resource: "*"}]}}\n'
    assert any("roles.r.polcy: unknown key, did you mean policy?" in problem for problem in place.mistakes(text))


TRUST = BASE + 'roles:\n  r:\n    policy: [{Effect: Allow, Action: "s3:GetObject", Resource: "*"}]\n    trust:'


def test_a_trust_says_who_may_assume_a_role(place: Place) -> None:
    listed = (
        place.load(f'{TRUST} [{{Effect: Allow, Principal: {{Service: lambda.amazonaws.com}}, Action: "sts:AssumeRole"}}]\n')
        .roles["r"]
        .trust
    )
    statement = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    assert listed == {"Version": "2012-10-17", "Statement": [statement]}
    variable = '{Version: "2012-10-17", Statement: {Effect: Deny, Principal: "*", Action: "sts:*", Condition: {StringNotLike: {"sts:RoleSessionName": "${aws:username}"}}}}'  # fmt: skip
    whole = place.load(f"{TRUST} {variable}\n").roles["r"].trust
    assert whole is not None
    assert whole["Statement"]["Condition"]["StringNotLike"]["sts:RoleSessionName"] == "${aws:username}"
    assert place.load(HEAD + LIST).roles["r"].trust is None


@pytest.mark.parametrize(
    ("trust", "told"),
    [
        ("\n", "9:11: roles.r.trust: is required: a list of statements, as - {Effect: Allow, Principal:"),
        (" []\n", "9:12: roles.r.trust: must be a list of statements, as - {"),
        (' [{Effect: Allow, Action: "sts:AssumeRole"}]\n', "9:13: roles.r.trust[0]: a role's trust names its Principal"),
        (' [{Effect: Allow, Principal: "*", Action: "s3:*"}]\n', "roles.r.trust[0].Action: 's3:*' is no action of a trust"),
        (' [{Effect: Allow, Principal: "*", Action: "sts:*", Resource: "*"}]\n', "roles.r.trust[0].Resource: a trust has no resource"),
        (
            f' [{{Effect: Deny, Principal: "*", Action: [{", ".join(["sts:AssumeRole"] * 300)}]}}]\n',
            "longer than the 4,096 characters that a trust may have",
        ),
    ],
)
def test_mistakes_in_a_trust_are_told_where_they_stand(place: Place, trust: str, told: str) -> None:
    assert any(told in problem for problem in place.mistakes(TRUST + trust)), place.mistakes(TRUST + trust)
