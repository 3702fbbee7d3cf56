"""What a directory's digest depends on."""

import base64
import hashlib

from hypothesis import given
from hypothesis import strategies as st

from router.functions.digest import Line, name, of_lines, of_text, spoken

LINES = st.lists(
    st.builds(
        Line,
        st.binary(min_size=1).filter(lambda path: 0 not in path),
        st.sampled_from(["file", "exec", "link", "dir"]),
        st.binary().map(of_text),
    ),
    unique_by=lambda line: line.path,
    max_size=6,
)


def test_it_is_what_the_documentation_says() -> None:
    """Whoever has sha256sum can compute it."""
    lines = [Line(b"b/run", "exec", of_text(b"#!")), Line(b"app.py", "file", of_text(b"x"))]
    text = f"file {hashlib.sha256(b'x').hexdigest()} app.py\0exec {hashlib.sha256(b'#!').hexdigest()} b/run\0"
    assert of_lines(lines) == hashlib.sha256(text.encode()).digest()
    assert base64.b64decode(spoken(of_lines(lines))) == of_lines(lines)
    assert of_lines(lines).hex().startswith(name(of_lines(lines)))


@given(LINES, st.randoms())
def test_order_does_not_count(lines: list[Line], random: st.DataObject) -> None:
    shuffled = lines[:]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert of_lines(shuffled) == of_lines(lines)


@given(LINES, LINES)
def test_two_trees_are_told_apart(one: list[Line], other: list[Line]) -> None:
    assert (of_lines(one) == of_lines(other)) == (sorted(one) == sorted(other))
