"""What the daemon's own log says of every invocation: the same in both spellings."""

import json

from hypothesis import given
from hypothesis import strategies as st

from router import names
from router.dispatch.finished import FINISHED
from router.model import Outcome

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
OUTCOMES = st.builds(
    Outcome,
    st.just(b""),
    st.sampled_from(["", "Unhandled"]),
    TEXT,
    duration_ms=st.floats(0, 9e5),
    billed_ms=st.integers(0, 10**6),
    max_memory_mb=st.integers(0, 10240),
)


@given(source=TEXT, outcome=OUTCOMES)
def test_it_writes_out_what_its_fields_are(source: str, outcome: Outcome) -> None:
    facts = ("re-size_2", names.request_id(), source, outcome)
    written = json.loads(f"{{{FINISHED.json(facts)}}}")
    assert written == FINISHED.fields(facts)
    assert list(written) == list(FINISHED.fields(facts))
    assert ("error_type" in written) is bool(outcome.function_error)


def test_a_text_that_json_has_no_spelling_for_is_refused() -> None:
    facts = ("f", "id", "\ud800", Outcome(b""))
    try:
        FINISHED.json(facts)
    except TypeError:
        return
    raise AssertionError
