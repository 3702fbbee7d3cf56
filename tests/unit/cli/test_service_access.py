"""What the user of the service may not do."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.cli.service_access import Account, Seen, lacking, warnings
from router.cli.service_files import Place, Use

ROUTER = Account(990, 990, {50})
OPEN = Seen(0, 0, 0o755, directory=True)


def told(use: Use, seen: Seen, **above: Seen) -> list[str]:
    tree = {Path("/"): OPEN, Path("/data"): above.get("data", OPEN), Path("/data/x"): seen}
    return warnings([Place("buckets.x", Path("/data/x"), use, Path("/data/x"))], ROUTER, tree.get)


@pytest.mark.parametrize(
    ("seen", "wanted", "expected"),
    [
        (Seen(990, 0, 0o700, directory=True), "rwx", ""),
        (Seen(990, 0, 0o077, directory=True), "rwx", "rwx"),  # the owner's bits alone count for the owner
        (Seen(0, 990, 0o750, directory=True), "rwx", "w"),
        (Seen(0, 50, 0o070, directory=True), "rwx", ""),
        (Seen(0, 0, 0o755, directory=True), "rwx", "w"),
        (Seen(0, 0, 0o770, directory=True, listed=True), "rwx", ""),
    ],
)
def test_rights_are_those_of_the_first_class_that_fits(seen: Seen, wanted: str, expected: str) -> None:
    assert lacking(seen, wanted, ROUTER) == expected


@given(mode=st.integers(0, 0o777), uid=st.sampled_from([0, 990]), gid=st.sampled_from([0, 50, 990]))
def test_nobody_of_no_account_has_what_others_have_not(mode: int, uid: int, gid: int) -> None:
    seen = Seen(uid, gid, mode, directory=True)
    assert lacking(seen, "rwx", Account()) == "".join(letter for letter, bit in zip("rwx", (4, 2, 1), strict=True) if not mode & bit)


@pytest.mark.parametrize(
    ("use", "seen", "line"),
    [
        ("data", Seen(0, 0, 0o755, directory=True), "may not write /data/x: setfacl -R -m u:router:rwX,d:u:router:rwX /data/x"),
        ("data", Seen(0, 0, 0o700, directory=True), "may not read and write and enter /data/x: setfacl"),
        ("code", Seen(0, 0, 0o750, directory=True), "may not read and enter /data/x: setfacl -R -m u:router:rX /data/x"),
        ("code", Seen(0, 0, 0o640, directory=False), "may not read /data/x: setfacl -m u:router:r /data/x"),
        ("program", Seen(0, 0, 0o700, directory=False), "may not read and enter /data/x: setfacl -m u:router:rx /data/x"),
        ("database", Seen(0, 0, 0o644, directory=False), "may not write /data/x: setfacl -m u:router:rw /data/x"),
        ("state", Seen(0, 0, 0o777, directory=True), "/data/x is another user's: chown -R router:router /data/x"),
    ],
)
def test_what_is_lacking_is_said_with_the_line_to_type(use: Use, seen: Seen, line: str) -> None:
    (found,) = told(use, seen)
    assert found.startswith("buckets.x: ")
    assert line in found


def test_what_may_be_used_or_is_not_there_is_not_warned_of() -> None:
    assert told("code", OPEN) == []
    assert told("data", Seen(990, 990, 0o700, directory=True)) == []
    assert warnings([Place("b", Path("/x/y"), "data", Path("/x/y"))], ROUTER, {Path("/"): OPEN}.get) == []


def test_a_directory_above_that_may_not_be_entered_is_told() -> None:
    found = told("data", Seen(990, 990, 0o700, directory=True), data=Seen(1000, 1000, 0o700, directory=True))
    assert found == ["buckets.x: the user router may not enter /data: setfacl -m u:router:x /data"]
