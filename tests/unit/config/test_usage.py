"""Usage plans: what is read, and that no message shows a key."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.config import usage
from router.config.document import parsed
from router.config.types import Quota, Throttle, UsagePlan
from tests.unit.config.conftest import BASE, Place

KEY = "0123456789abcdefghij"


def test_a_plan_with_everything_and_one_with_keys_alone(place: Place) -> None:
    plans = f"""
usage_plans:
  basic:
    throttle: {{rate: 0.5, burst: 20}}
    quota: {{limit: 10000, period: month}}
    keys: {{mobile: "${{credential:mobile}}", web: "{KEY}"}}
  open: {{keys: {{a: {KEY}}}}}
"""
    (place.root / "mobile").write_text("mobile-key-from-systemd\n")
    config = place.load(BASE + plans, {"CREDENTIALS_DIRECTORY": str(place.root)})
    assert config.usage_plans == {
        "basic": UsagePlan("basic", {"mobile": "mobile-key-from-systemd", "web": KEY}, Throttle(0.5, 20), Quota(10000, "month")),
        "open": UsagePlan("open", {"a": KEY}),
    }
    assert config.secrets >= {KEY, "mobile-key-from-systemd"}
    assert KEY not in repr(config)


@pytest.mark.parametrize(
    ("plans", "told"),
    [
        ("{basic: {}}", "usage_plans.basic.keys: is required: without a key nobody could call the plan's routes"),
        ("{basic: {keys: {}}}", "usage_plans.basic.keys: is required: without a key nobody could call the plan's routes"),
        ("{basic: {keys: mobile}}", "usage_plans.basic.keys: must be a mapping, this is text"),
        (
            "{basic: {keys: {mobile: short}}}",
            "usage_plans.basic.keys.mobile: an API key is 20 to 128 visible ASCII characters without a space",
        ),
        (f"{{basic: {{keys: {{mobile: '{KEY} x'}}}}}}", "usage_plans.basic.keys.mobile: an API key is 20 to 128 visible ASCII characters"),
        (f"{{basic: {{keys: {{mobile: {KEY * 7}}}}}}}", "usage_plans.basic.keys.mobile: an API key is 20 to 128 visible ASCII characters"),
        (f"{{basic: {{keys: {{a: {KEY}, b: {KEY}}}}}}}", "usage_plans.basic.keys.b: the same key as a"),
        (f"{{basic: {{keys: {{'a b': {KEY}}}}}}}", "usage_plans.basic.keys.a b: an API key's name is 1 to 64 letters"),
        (f"{{'a b': {{keys: {{a: {KEY}}}}}}}", "usage_plans.a b: a usage plan's name is 1 to 64 letters"),
        (f"{{basic: {{keys: {{a: {KEY}}}, quotas: {{}}}}}}", "usage_plans.basic.quotas: unknown key, did you mean quota?"),
        (f"{{basic: {{keys: {{a: {KEY}}}, quota: {{limit: 5}}}}}}", "usage_plans.basic.quota.period: is required"),
        (f"{{basic: {{keys: {{a: {KEY}}}, quota: {{period: day}}}}}}", "usage_plans.basic.quota.limit: is required"),
        (
            f"{{basic: {{keys: {{a: {KEY}}}, quota: {{limit: 0, period: day}}}}}}",
            "usage_plans.basic.quota.limit: 0 is outside 1 to 2147483647",
        ),
        (
            f"{{basic: {{keys: {{a: {KEY}}}, quota: {{limit: 5, period: hour}}}}}}",
            "usage_plans.basic.quota.period: hour is not one of day, week",
        ),
        (f"{{basic: {{keys: {{a: {KEY}}}, throttle: {{rate: 5}}}}}}", "usage_plans.basic.throttle.burst: is required"),
        ("[]", "usage_plans: must be a mapping, this is a list"),
    ],
)
def test_a_mistake_is_told_once_and_without_the_key(place: Place, plans: str, told: str) -> None:
    (mistake,) = place.mistakes(f"{BASE}usage_plans: {plans}\n")
    assert told in mistake
    assert KEY not in mistake


def test_a_key_in_a_wrong_place_is_hidden_once_it_is_known(place: Place) -> None:
    mistakes = place.mistakes(f"{BASE}usage_plans: {{basic: {{keys: {{a: {KEY}}}}}}}\nregion: {KEY}\n")
    assert len(mistakes) == 1
    assert KEY not in mistakes[0]


@given(rate=st.floats(0.001, 1e6), burst=st.integers(1, 1_000_000))
def test_any_rate_is_read_back(rate: float, burst: int) -> None:
    document, root = parsed(f"throttle: {{rate: {rate!r}, burst: {burst}}}\n", Path("config.yaml"), {})
    node = root.child("throttle")
    assert node is not None
    assert usage.throttle(node) == Throttle(rate, burst)
    assert not document.problems.count
