"""Access keys: their secrets, their list, what their scopes allow."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.iam import keys
from router.iam.evaluation import Policies, Request, evaluate
from router.iam.keys import SCOPES, AccessKey, Damaged, decoded, encoded, new_id, secret_of
from router.iam.principals import user

POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
KEY = AccessKey(new_id(b"0123456789"), "ann", ("read",), POLICY, 1.5)
ANN = user("123456789012", "ann")


def allowed(key: AccessKey, action: str) -> bool:
    return evaluate(Request(action, "*", ANN), Policies(key.policies)).allowed


def test_ids_and_secrets_look_like_aws_s() -> None:
    assert len(KEY.id) == 20
    assert KEY.id.startswith("AKIA")
    assert len(secret_of(b"m" * 32, KEY.id)) == 40


def test_a_secret_follows_from_the_state_key_and_the_id() -> None:
    assert secret_of(b"m" * 32, KEY.id) == secret_of(b"m" * 32, KEY.id)
    assert len({secret_of(b"m" * 32, KEY.id), secret_of(b"n" * 32, KEY.id), secret_of(b"m" * 32, new_id(b"x" * 10))}) == 3


def test_the_list_holds_no_secret() -> None:
    assert secret_of(b"m" * 32, KEY.id).encode() not in encoded([KEY])


@given(
    st.lists(
        st.builds(
            AccessKey,
            st.binary(min_size=10, max_size=10).map(new_id),
            st.text("abcXYZ019+=,.@_-", min_size=1, max_size=64),
            st.lists(st.sampled_from(list(SCOPES)), unique=True).map(tuple),
            st.none() | st.just(POLICY),
            st.floats(0, 1e10),
        ),
        unique_by=lambda key: key.id,
        max_size=4,
    )
)
def test_the_list_comes_back(found: list[AccessKey]) -> None:
    assert decoded(encoded(found)) == {key.id: key for key in found}


def row(**changes: Any) -> bytes:
    value = json.loads(encoded([KEY]))
    value["keys"][0] |= changes
    return json.dumps(value).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"version": 2, "keys": []}',
        b'{"version": 1}',
        b'{"version": 1, "keys": [1]}',
        b'{"version": 1, "keys": {"a": 1}}',
        b"\xff\xfe",
        b"[" * 100_000,
        row(id="AKIA"),
        row(id=7),
        row(name="a b"),
        row(scopes=["all"]),
        row(scopes=3),
        row(policy={"Statement": "x"}),
        row(created="soon"),
        json.dumps({"version": 1, "keys": json.loads(encoded([KEY]))["keys"] * 2}).encode(),
    ],
)
def test_a_damaged_list_is_said_to_be_one(content: bytes) -> None:
    with pytest.raises(Damaged):
        decoded(content)


def test_scopes_allow_what_they_say() -> None:
    assert allowed(AccessKey(KEY.id, "ann", ("admin",)), "iam:Anything")
    invoke = AccessKey(KEY.id, "ann", ("invoke",))
    assert [allowed(invoke, action) for action in ("lambda:InvokeFunction", "lambda:InvokeFunctionUrl", "lambda:GetFunction")] == [
        True,
        True,
        False,
    ]
    read = AccessKey(KEY.id, "ann", ("read",))
    assert [
        allowed(read, action)
        for action in ("s3:ListBucket", "logs:FilterLogEvents", "s3:PutObject", "sqs:ReceiveMessage", "lambda:InvokeFunction")
    ] == [
        True,
        True,
        False,
        False,
        False,
    ]
    assert not allowed(AccessKey(KEY.id, "ann"), "s3:GetObject")


def test_a_policy_of_its_own_adds_to_the_scopes() -> None:
    key = AccessKey(KEY.id, "ann", ("invoke",), POLICY)
    assert allowed(key, "s3:GetObject")
    assert allowed(key, "lambda:InvokeFunction")
    assert not allowed(key, "s3:PutObject")
    assert keys.document(["a:B"])["Version"] == "2012-10-17"
