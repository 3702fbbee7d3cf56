"""What lies in a target's dead-letter queue."""

from hypothesis import given
from hypothesis import strategies as st

from router.events.sqs_rules import New, Rules, check
from router.events.undelivered import Failure, attributes, exhausted


def test_a_rule_s_dead_letter_says_what_failed_and_why() -> None:
    told = attributes(Failure("NO_RESOURCE", "no queue jobs", 3, "MaximumRetryAttempts"), arn="rule", target="queue")
    assert {name: one.value for name, one in told.items()} == {
        "RULE_ARN": "rule",
        "TARGET_ARN": "queue",
        "ERROR_CODE": "NO_RESOURCE",
        "ERROR_MESSAGE": "no queue jobs",
        "EXHAUSTED_RETRY_CONDITION": "MaximumRetryAttempts",
        "RETRY_ATTEMPTS": "3",
    }


def test_a_schedule_s_names_the_planned_time() -> None:
    told = attributes(Failure("UNKNOWN", ""), arn="schedule", target="bus", scheduled=0.0)
    assert (told["SCHEDULE_ARN"].value, told["SCHEDULED_TIME"].value) == ("schedule", "1970-01-01T00:00:00Z")
    assert "RULE_ARN" not in told
    assert "EXHAUSTED_RETRY_CONDITION" not in told


@given(st.text(), st.integers(0, 185))
def test_any_error_makes_a_message_that_a_queue_takes(message: str, tries: int) -> None:
    told = attributes(Failure("UNKNOWN", message, tries), arn="a", target="b")
    assert check(New("{}", told), Rules()) > 0


@given(st.integers(0, 200), st.floats(0, 100_000), st.integers(0, 185), st.floats(60, 86_400))
def test_it_is_tried_until_one_of_both_bounds(tries: int, age: float, attempts: int, oldest: float) -> None:
    told = exhausted(tries=tries, age=age, attempts=attempts, oldest=oldest)
    assert bool(told) == (tries >= attempts or age >= oldest)
