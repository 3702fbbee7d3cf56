"""Who asks, and how policies name them; the grid of names is in test_evaluation.py."""

from hypothesis import given
from hypothesis import strategies as st

from router.iam.policy import Principals
from router.iam.principals import ANONYMOUS, keys_of, naming, role_session, service, unique_id, user

ACCOUNT = "123456789012"


def test_the_keys_that_follow_from_a_user() -> None:
    assert keys_of(user(ACCOUNT, "ann")) == {
        "aws:principalarn": (f"arn:aws:iam::{ACCOUNT}:user/ann",),
        "aws:principalaccount": (ACCOUNT,),
        "aws:principaltype": ("User",),
        "aws:principalisawsservice": ("false",),
        "aws:userid": (user(ACCOUNT, "ann").id,),
        "aws:username": ("ann",),
    }


def test_the_keys_that_follow_from_a_session_name_its_role() -> None:
    found = keys_of(role_session(ACCOUNT, "resizer", "resize"))
    assert found["aws:principalarn"] == (f"arn:aws:iam::{ACCOUNT}:role/resizer",)
    assert found["aws:principaltype"] == ("AssumedRole",)
    assert "aws:username" not in found
    assert found["aws:userid"][0].endswith(":resize")


def test_services_and_nobody_have_no_account() -> None:
    assert keys_of(service("s3.amazonaws.com"))["aws:principalservicename"] == ("s3.amazonaws.com",)
    assert "aws:principalaccount" not in keys_of(ANONYMOUS)


@given(st.text(max_size=40), st.text(max_size=40))
def test_ids_are_one_for_one(one: str, two: str) -> None:
    arn = "arn:aws:iam::123456789012:user/"
    first, second = (
        unique_id("AIDA", arn + one.encode("utf-8", "replace").decode()),
        unique_id("AIDA", arn + two.encode("utf-8", "replace").decode()),
    )
    assert len(first) == 21
    assert (first == second) is (one.encode("utf-8", "replace") == two.encode("utf-8", "replace"))


@given(
    st.lists(
        st.sampled_from(["*", ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/ann", f"arn:aws:iam::{ACCOUNT}:user/bob"]), min_size=1, max_size=3
    )
)
def test_the_closest_name_counts_and_not_principal_is_its_opposite(names: list[str]) -> None:
    named = tuple(("AWS", name) for name in names)
    ann = user(ACCOUNT, "ann")
    closest = naming(Principals(named), ann)
    assert closest == ("self" if ann.arn in names else "everyone" if "*" in names else "account" if ACCOUNT in names else "")
    assert naming(Principals(named, inverted=True), ann) == ("" if closest else "everyone")
