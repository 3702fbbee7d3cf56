"""How often a failing init is tried."""

from router.runtime.backoff import CEILING, InitBackoff, delay


def test_the_first_failures_cost_nothing_then_the_wait_doubles_to_a_ceiling() -> None:
    assert [delay(n) for n in range(1, 9)] == [0, 0, 1, 2, 4, 8, CEILING, CEILING]


def test_an_init_that_keeps_failing_is_tried_a_few_times_a_minute() -> None:
    backoff, starts = InitBackoff(), 0
    for tenth in range(600):  # a caller every 100 ms for a minute
        now = tenth / 10
        if backoff.refusal("f", now, "r") is None:
            starts += 1
            backoff.failed("f", now, b"{}", "Runtime.ImportModuleError", "r")
    assert starts <= 12


def test_a_refusal_repeats_the_error_under_the_new_request_id() -> None:
    backoff = InitBackoff()
    for _ in range(3):
        backoff.failed("f", 0.0, b"RequestId: one Error", "Runtime.ExitError", "one")
    assert backoff.refusal("f", 0.5, "two") == (b"RequestId: two Error", "Runtime.ExitError")
    assert backoff.refusal("g", 0.5, "two") is None


def test_one_caller_at_a_time_may_try_again() -> None:
    backoff = InitBackoff()
    for _ in range(3):
        backoff.failed("f", 0.0, b"", "E", "")
    assert [backoff.refusal("f", 1.0, "r") is None for _ in range(4)] == [True, False, False, False]


def test_success_forgets() -> None:
    backoff = InitBackoff()
    for _ in range(9):
        backoff.failed("f", 0.0, b"", "E", "")
    backoff.succeeded("f")
    assert backoff.refusal("f", 0.0, "r") is None
