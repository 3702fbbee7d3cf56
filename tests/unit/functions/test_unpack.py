"""A .zip becomes a directory and nothing else."""

import os
import stat
import struct
from pathlib import Path
from zipfile import ZipFile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from router.errors import CodeRefused
from router.functions.files import Budget
from router.functions.unpack import unpack
from tests.helpers.archives import LINK, PROGRAM, packed


@pytest.fixture
def into(tmp_path: Path) -> Path:
    (tmp_path / "outer/into").mkdir(parents=True)
    return tmp_path / "outer/into"


def tree(root: Path) -> dict[str, str]:
    """Path → content, or where a link leads."""
    found = {}
    for place, directories, files in os.walk(root):
        for name in [*files, *(one for one in directories if (Path(place) / one).is_symlink())]:
            path = Path(place) / name
            found[str(path.relative_to(root))] = f"-> {path.readlink()}" if path.is_symlink() else path.read_text()
    return found


def test_files_links_and_executable_bits(tmp_path: Path, into: Path) -> None:
    files = {"app.py": "x = 1", "lib/a.so": "a.so.1", "lib/a.so.1": "elf", "bin/run": "#!", "empty/": "", "app.py ": "twin"}
    unpack(packed(tmp_path / "a.zip", files, {"lib/a.so": LINK, "bin/run": PROGRAM}), into, budget := Budget())
    assert tree(into) == {"app.py": "x = 1", "app.py ": "twin", "lib/a.so": "-> a.so.1", "lib/a.so.1": "elf", "bin/run": "#!"}
    assert (into / "empty").is_dir()
    assert stat.S_IMODE((into / "bin/run").stat().st_mode) == 0o555
    assert stat.S_IMODE((into / "app.py").stat().st_mode) == 0o444
    assert (budget.used, budget.count) == (20, 6)


def test_of_two_entries_with_one_name_the_last_counts(tmp_path: Path, into: Path) -> None:
    with ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("app.py", "old")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("app.py", "new")
    unpack(tmp_path / "a.zip", into, Budget())
    assert tree(into) == {"app.py": "new"}


@pytest.mark.parametrize(
    ("files", "links", "told"),
    [
        ({"out": "../../evil"}, ("out",), "leads out"),
        ({"out": "/etc"}, ("out",), "only relative targets"),
        ({"d": ".", "d/x": "evil"}, ("d",), "a file and a directory|a link and a directory"),
        ({"p/q/m": "../..", "l": "p/q/m/../x"}, ("p/q/m", "l"), "by way of another"),
        ({"p/q/m": "../..", "l": "p/q/m/../..", "l/evil": "x"}, ("p/q/m", "l", "l/evil"), "lies below a link|leads out"),
        ({"l": "p", "p/x": "", "l/evil": "x"}, ("l", "l/evil"), "lies below a link"),
        ({"../evil": "x"}, (), "leads out"),
        ({"/tmp/evil": "x"}, (), "absolute"),
        ({"a": "x", "a/b": "y"}, (), "a file and a directory"),
        ({"a/b": "x", "a": "y"}, (), "a file and a directory"),
        ({"l": "x" * 3000}, ("l",), "cannot be made|too long"),
    ],
)
def test_nothing_gets_out(tmp_path: Path, into: Path, files: dict[str, str], links: tuple[str, ...], told: str) -> None:
    with pytest.raises(CodeRefused, match=told):
        unpack(packed(tmp_path / "a.zip", files, dict.fromkeys(links, LINK)), into, Budget())
    assert os.listdir(into.parent) == ["into"]
    assert not Path("/tmp/evil").exists()


def test_a_bomb_is_measured_while_it_goes_off(tmp_path: Path, into: Path) -> None:
    path = packed(tmp_path / "a.zip", {"bomb": bytes(4_000_000)})
    data = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        struct.pack_into("<L", data, data.index(signature) + offset, 10)  # it says that it is small
    path.write_bytes(data)
    with pytest.raises(CodeRefused, match=r"larger than 1 MB|damaged"):
        unpack(path, into, Budget(size=1024 * 1024))
    assert sum(file.stat().st_size for file in into.iterdir()) <= 1024 * 1024


def test_entries_are_counted(tmp_path: Path, into: Path) -> None:
    with pytest.raises(CodeRefused, match="more than 3"):
        unpack(packed(tmp_path / "a.zip", {str(number): "" for number in range(4)}), into, Budget(entries=3))


def test_one_entry_that_is_damaged_spoils_it(tmp_path: Path, into: Path) -> None:
    path = packed(tmp_path / "a.zip", {"app.py": os.urandom(1000).hex()})
    data = bytearray(path.read_bytes())
    data[100:110] = bytes(10)
    path.write_bytes(data)
    with pytest.raises(CodeRefused, match="damaged"):
        unpack(path, into, Budget())


NAMES = st.lists(st.sampled_from(["a", "b", "c", "..", "."]), min_size=1, max_size=4).map("/".join)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(st.lists(st.tuples(NAMES, NAMES, st.booleans()), max_size=6, unique_by=lambda entry: entry[0]))
def test_whatever_links_an_archive_has_nothing_gets_out(tmp_path: Path, entries: list[tuple[str, str, bool]]) -> None:
    """A link that is there leads inside, or there is no tree."""
    root = Path(os.path.realpath(tmp_path)) / os.urandom(8).hex()
    into = root / "outer/into"
    into.mkdir(parents=True)
    archive = packed(root / "a.zip", {name: text for name, text, _ in entries}, {name: LINK for name, _, link in entries if link})
    try:
        unpack(archive, into, Budget())
    except CodeRefused:
        pass
    else:
        for place, directories, files in os.walk(into):
            for name in (*directories, *files):
                assert os.path.realpath(f"{place}/{name}").startswith(str(into))
    assert os.listdir(into.parent) == ["into"]
    assert sorted(os.listdir(root)) == ["a.zip", "outer"]
