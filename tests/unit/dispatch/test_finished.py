"""What the daemon's own log says of every invocation: the same in both spellings."""

import json

from hypothesis import given
from hypothesis import strategies as st

from router import names
from router.dispatch.finished import Finished
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
    told = Finished("re-size_2", names.request_id(), source, outcome)
    written = json.loads(f"{{{told.json()}}}")
    assert written == told.fields()
    assert list(written) == list(told.fields())
    assert ("error_type" in written) is bool(outcome.function_error)


def test_a_text_that_json_has_no_spelling_for_is_refused() -> None:
    told = Finished("f", "id", "\ud800", Outcome(b""))
    try:
        told.json()
    except TypeError:
        return
    raise AssertionError
