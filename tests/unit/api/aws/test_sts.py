"""STS: who a caller is, and temporary credentials."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from router.api.aws.service import AwsError, Call, Need
from router.api.aws.sts import Sts
from router.config.types import Config, Role
from router.credentials import KeyStore, roles
from router.iam.auth_errors import AuthFailure
from router.iam.callers import Caller
from router.iam.evaluation import Policies
from router.iam.principals import role_session, user
from tests.helpers.clock import VirtualClock

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/resizer"
POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
ANN = Caller(user(ACCOUNT, "ann"), "AKIAX", Policies())
SESSION = Caller(role_session(ACCOUNT, "resizer", "resize"), "ASIAX", Policies(), 1.0)


class Desk:
    """STS over a state directory."""

    def __init__(self, place: Path) -> None:
        self.config = Config(place / "config.yaml", place, roles={"resizer": Role("resizer", POLICY)})
        self.store, self.clock = KeyStore(place), VirtualClock()
        self.sts = Sts(lambda: self.config, self.store, self.clock)

    async def ask(self, operation: str, caller: Caller = ANN, **parameters: Any) -> Any:
        """What an operation gives."""
        return await self.sts.operations[operation].run(Call("sts", operation, parameters, caller, "id"))

    async def refused(self, operation: str, caller: Caller = ANN, **parameters: Any) -> tuple[str, str]:
        """Code and message of its refusal."""
        with pytest.raises(AwsError) as caught:
            await self.ask(operation, caller, **parameters)
        return caught.value.code, str(caught.value)  # type: ignore[attr-defined]

    def who(self, made: dict[str, Any], *, after: float = 0.0) -> Caller:
        """Whose credentials these are."""
        realm = self.store.realm(ACCOUNT, roles(self.config))
        found, secret = realm.find(made["AccessKeyId"], made["SessionToken"], self.clock.now() + after)
        assert secret == made["SecretAccessKey"]
        return found


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


async def test_a_caller_is_told_who_it_is_without_needing_anything(desk: Desk) -> None:
    who = SESSION.principal
    assert not desk.sts.operations["GetCallerIdentity"].needs(Call("sts", "GetCallerIdentity", {}, SESSION, "id"))
    assert await desk.ask("GetCallerIdentity", SESSION) == {"UserId": who.id, "Account": ACCOUNT, "Arn": who.arn}


async def test_a_role_is_assumed_for_a_while(desk: Desk) -> None:
    said = await desk.ask("AssumeRole", RoleArn=ROLE, RoleSessionName="job", DurationSeconds=900)
    found = desk.who(said["Credentials"])
    assert found.principal.arn == said["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/resizer/job"
    assert said["Credentials"]["Expiration"] == desk.clock.now() + 900
    assert "PackedPolicySize" not in said
    with pytest.raises(AuthFailure):
        desk.who(said["Credentials"], after=900)


def test_what_assuming_needs() -> None:
    parameters = {"RoleArn": ROLE, "RoleSessionName": "job", "ExternalId": "x-1"}
    needs = Sts(lambda: None, None, None).operations["AssumeRole"].needs(Call("sts", "AssumeRole", parameters, ANN, "id"))  # type: ignore[arg-type, return-value]
    context = {"sts:rolesessionname": ("job",), "sts:durationseconds": ("3600",), "sts:externalid": ("x-1",)}
    assert needs == [Need("sts:AssumeRole", ROLE, context)]


async def test_a_sessions_policy_bounds_it(desk: Desk) -> None:
    said = await desk.ask("AssumeRole", RoleArn=ROLE, RoleSessionName="job", Policy=json.dumps(POLICY))
    assert desk.who(said["Credentials"]).policies.session is not None
    assert 0 < said["PackedPolicySize"] < 100


@pytest.mark.parametrize(
    ("parameters", "code", "told"),
    [
        ({"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/none"}, "AccessDenied", f"sts:AssumeRole on resource: arn:aws:iam::{ACCOUNT}:role/none"),
        ({"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/path/resizer"}, "AccessDenied", "role/path/resizer"),
        ({"RoleArn": "arn:aws:iam::999999999999:role/resizer"}, "AccessDenied", "999999999999"),
        ({"DurationSeconds": 899}, "ValidationError", "greater than or equal to 900"),
        ({"DurationSeconds": 43201}, "ValidationError", "less than or equal to 43200"),
        ({"Policy": "{"}, "MalformedPolicyDocument", ""),
        ({"Policy": "[]"}, "MalformedPolicyDocument", ""),
        ({"Policy": '{"Statement": [], "Statement": []}'}, "MalformedPolicyDocument", ""),
        ({"Policy": "x" * 2049}, "ValidationError", "2048"),
        ({"Tags": [{"Key": "a", "Value": "b"}]}, "InvalidParameterValue", "Tags is not supported here"),
    ],
)
async def test_what_is_refused(desk: Desk, parameters: dict[str, Any], code: str, told: str) -> None:
    said = await desk.refused("AssumeRole", **({"RoleArn": ROLE, "RoleSessionName": "job"} | parameters))
    assert said[0] == code
    assert told in said[1]


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        *(
            ({"RoleArn": arn}, f"{arn} is invalid")
            for arn in (
                "nothing-valid-in-here",
                "arn::b:::something/test-role",
                "arn:a::::something/test-role",
                "arn:a:::something/test-role",
                "arn:a:a::aaaaaaaaaa:",
            )
        ),
        ({"RoleArn": "arn:aws:iam::1:role"}, "Value 'arn:aws:iam::1:role' at 'roleArn'"),
        ({"RoleArn": "arn:aws:iam::1:role"}, "Member must have length greater than or equal to 20"),
        ({"RoleSessionName": "a"}, "'roleSessionName' failed to satisfy constraint: Member must have length greater than or equal to 2"),
        ({"RoleSessionName": "a" * 65}, "'roleSessionName' failed to satisfy constraint: Member must have length less than or equal to 64"),
        (
            {"RoleSessionName": "a:b"},
            r"Value 'a:b' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression",
        ),
    ],
)
def test_what_can_name_no_role_is_told_so_before_anything_is_asked(parameters: dict[str, Any], told: str) -> None:
    asked = Call("sts", "AssumeRole", {"RoleArn": ROLE, "RoleSessionName": "job"} | parameters, ANN, "id")
    with pytest.raises(AwsError) as caught:
        Sts(lambda: None, None, None).operations["AssumeRole"].needs(asked)  # type: ignore[arg-type, return-value]
    assert caught.value.code == "ValidationError"  # type: ignore[comparison-overlap]
    assert told in str(caught.value)


async def test_a_session_assumes_for_an_hour_at_most(desk: Desk) -> None:
    said = await desk.refused("AssumeRole", SESSION, RoleArn=ROLE, RoleSessionName="job", DurationSeconds=3601)
    assert said == ("ValidationError", "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining")
    assert desk.who((await desk.ask("AssumeRole", SESSION, RoleArn=ROLE, RoleSessionName="job"))["Credentials"])


async def test_the_session_of_a_key_ends_with_the_key(desk: Desk) -> None:
    key, _ = desk.store.create("ann", ["admin"], None, desk.clock.now())
    holder = Caller(user(ACCOUNT, "ann"), key.id, Policies(key.policies))
    made = (await desk.ask("GetSessionToken", holder, DurationSeconds=900))["Credentials"]
    found = desk.who(made)
    assert (found.principal.arn, found.policies.identity) == (f"arn:aws:iam::{ACCOUNT}:user/ann", key.policies)
    assert (await desk.refused("GetSessionToken", found))[0] == "AccessDenied"
    desk.store.revoke(key.id)
    with pytest.raises(AuthFailure):
        desk.who(made)


async def test_all_keys_are_of_one_account(desk: Desk) -> None:
    assert await desk.ask("GetAccessKeyInfo", AccessKeyId="AKIAIOSFODNN7EXAMPLE") == {"Account": ACCOUNT}
    assert (await desk.refused("GetAccessKeyInfo", AccessKeyId="x"))[0] == "ValidationError"


async def test_a_role_s_trust_is_its_policy(desk: Desk) -> None:
    assert desk.sts.policy(ROLE) is None  # as it has none
    trusts = {"Statement": {"Effect": "Allow", "Principal": {"AWS": ANN.principal.arn}, "Action": "sts:AssumeRole"}}
    desk.config = replace(desk.config, roles={"resizer": Role("resizer", POLICY, trusts)})
    policy = desk.sts.policy(ROLE)
    assert policy is not None
    assert policy.kind == "trust"
    for other in ("*", ROLE + "x", ROLE.replace(ACCOUNT, "210987654321"), f"arn:aws:iam::{ACCOUNT}:user/resizer"):
        assert desk.sts.policy(other) is None
