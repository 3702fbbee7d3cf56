"""Chains of events and what they passed."""

from hypothesis import given
from hypothesis import strategies as st

from router.events import tracing
from router.events.lineage import LIMIT, deepest, passed, passes

F, G = "arn:aws:lambda:eu-west-1:123456789012:function:f", "arn:aws:lambda:eu-west-1:123456789012:function:g"


def test_passes_are_counted_for_each_function() -> None:
    header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
    for arn in (F, G, F, F):
        header = passed(header, arn)
    assert (passes(header, F), passes(header, G), passes("", F)) == (3, 1, 0)
    assert header.startswith("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1;Lineage=")
    assert deepest(["", header, passed("", F)], F) == header
    assert deepest([], F) == ""


@given(st.lists(st.integers(0, 40), max_size=60))
def test_it_goes_through_the_next_invocations_trace(functions: list[int]) -> None:
    header = ""
    for number in functions:
        header = passed(tracing.of_invocation(header, "01a21554-4ad6-4918-96af-e2786cc0e5af", "0" * 16), f"{F}{number}")
    for number in functions[-1:]:
        assert 1 <= passes(header, f"{F}{number}") <= functions.count(number)
    assert len(header) < 512
    assert tracing.of_invocation(header, "x", "0" * 16).partition("Lineage=")[2] == header.partition("Lineage=")[2]


def test_the_last_sixteen_functions_of_a_chain_are_known() -> None:
    header = ""
    for number in range(40):
        header = passed(header, f"{F}{number}")
    assert [number for number in range(40) if passes(header, f"{F}{number}")] == list(range(24, 40))
    again = passed(header, f"{F}24")
    assert passes(again, f"{F}24") == 2
    assert passes(passed(again, G), f"{F}24") == 2, "who was passed again goes last"


@given(st.text())
def test_any_text_is_a_header(text: str) -> None:
    assert 0 <= passes(text, F) < 10_000
    assert passes(passed(text, F), F) >= 1


def test_a_function_that_sets_itself_off_is_counted_up_to_the_limit() -> None:
    header, count = "", 0
    while passes(header, F) < LIMIT:
        header = passed(tracing.of_invocation(header, "x", "0" * 16), F)
        count += 1
    assert count == 16
