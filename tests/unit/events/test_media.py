"""Media types against binaryMediaTypes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.events import media


@pytest.mark.parametrize(
    ("value", "types", "binary"),
    [
        ("image/png", ("image/png",), True),
        ("IMAGE/PNG; q=1", ("image/png",), True),
        ("image/png", ("image/*",), True),
        ("image/webp,image/*,*/*;q=0.8", ("image/webp",), True),
        ("text/html,image/png", ("image/png",), False),
        ("image/*", ("image/png",), False),
        ("*/*", ("image/png",), False),
        ("imagery/png", ("image/*",), False),
        ("image", ("image/*",), False),
        ("", ("image/*",), False),
        ("", ("*/*",), True),
        ("anything", ("*/*",), True),
        ("image/png", (), False),
    ],
)
def test_the_first_type_decides(value: str, types: tuple[str, ...], binary: bool) -> None:
    assert media.matches(value, types) is binary


@pytest.mark.parametrize("text", ["image/png", "image/*", "*/*", "application/vnd.api+json", "application/x-tar"])
def test_types(text: str) -> None:
    assert media.TYPE.fullmatch(text)


@pytest.mark.parametrize("text", ["png", "image/", "/png", "image/png; q=1", "image png", "image/png,text/html", "*png/*", ""])
def test_no_types(text: str) -> None:
    assert not media.TYPE.fullmatch(text)


@given(value=st.text(max_size=20), kind=st.from_regex(media.TYPE, fullmatch=True))
def test_any_header_is_read(value: str, kind: str) -> None:
    """A type matches itself whatever follows it; whatever is sent is one thing or the other."""
    low = kind.lower()
    assert media.matches(f"{kind};{value}", (low,))
    assert media.matches(f"{kind},{value}", (low,))
    assert media.matches(value, (low,)) in (True, False)
