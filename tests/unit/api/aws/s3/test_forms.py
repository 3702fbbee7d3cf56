"""Forms as browsers send them."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.api.aws.s3.errors import S3Error
from router.api.aws.s3.forms import FIELDS, Form, boundary_of

LINE = b"--XYZ"


def form_of(fields: list[tuple[str, bytes]], file: bytes, *, behind: bytes = b"") -> bytes:
    parts = [LINE + f'\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode() + value + b"\r\n" for name, value in fields]
    head = b'\r\nContent-Disposition: form-data; name="file"; filename="C:\\\\fake\\\\caf\xc3\xa9.txt"\r\nContent-Type: text/plain\r\n\r\n'
    return b"".join(parts) + LINE + head + file + b"\r\n" + LINE + b"--\r\n" + behind


@given(
    file=st.binary(max_size=200) | st.sampled_from([b"\r\n--XY", b"\r\n--", b"\r\n", b"--XYZ"[:-1] * 5]),
    values=st.lists(st.text(st.characters(exclude_categories=("Cs",)), max_size=20), max_size=4),
    cuts=st.lists(st.integers(0, 2000), max_size=20),
)
def test_a_form_comes_apart_however_it_arrives(file: bytes, values: list[str], cuts: list[int]) -> None:
    if LINE in b"\r\n" + file or any("--XYZ" in value for value in values):
        return
    wire = form_of([(f"Field{n}", value.encode()) for n, value in enumerate(values)], file, behind=b"ignored")
    form, out = Form(b"XYZ"), b""
    edges = sorted({0, len(wire), *(cut % (len(wire) + 1) for cut in cuts)})
    for start, end in pairwise(edges):
        out += form.feed(wire[start:end])
    assert (form.begun, form.ended, out) == (True, True, file)
    assert form.fields == {f"field{n}": value for n, value in enumerate(values)}
    assert (form.filename, form.content_type) == ("café.txt", "text/plain")


@pytest.mark.parametrize(
    "wire",
    [
        b"preamble\r\n--XYZ\r\nContent-Disposition: form-data; name=key\r\n\r\na\r\n--XYZ--\r\n",
        b"--XYZ\r\nno header\r\n\r\n",
        b"--XYZ\r\nContent-Type: a/b\r\n\r\n",
        b"--XYZ--\r\n",
        b"--XYZ" + b"x" * 5000,
        form_of([("key", b"\xff")], b""),
        form_of([("key", b"1"), ("KEY", b"2")], b""),
        form_of([("key", bytes(FIELDS + 1))], b""),
        b"\r\n--XYZ\r\nContent-Disposition: form-data; name=key\r\n\r\n" + bytes(FIELDS * 2),
        form_of([(f"f{n}", b"") for n in range(500)], b""),
    ],
)
def test_what_is_no_form(wire: bytes) -> None:
    with pytest.raises(S3Error):
        Form(b"XYZ").feed(wire)


def test_a_file_that_does_not_end() -> None:
    form = Form(b"XYZ")
    form.feed(form_of([], b"hello")[:-10])
    assert form.begun
    assert not form.ended


@pytest.mark.parametrize(
    ("kind", "boundary"), [("multipart/form-data; boundary=XYZ", b"XYZ"), ('multipart/form-data; boundary="a b"', b"a b")]
)
def test_boundaries(kind: str, boundary: bytes) -> None:
    assert boundary_of(kind) == boundary


@pytest.mark.parametrize(
    "kind", ["", "text/plain", "multipart/form-data", f"multipart/form-data; boundary={'x' * 71}", "multipart/mixed; boundary=a"]
)
def test_what_is_no_boundary(kind: str) -> None:
    with pytest.raises(S3Error):
        boundary_of(kind)
