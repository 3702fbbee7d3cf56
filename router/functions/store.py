"""Code as it runs: trees in the state directory that never change, named by what is in them. Blocking; one caller at a time.

STATE/code/HASH is a code directory, an unpacked .zip or a layer; STATE/code/opt-HASH layers as one tree. A tree is made under another
name, synced, and gets its own at once; what a crash leaves half-made goes at the next opening."""

import hashlib
import json
import os
import uuid
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from router.config.archive import UNPACKED
from router.config.entries import ARCHIVE
from router.errors import CodeRefused
from router.functions import digest, files, overlay, snapshot, unpack
from router.functions.files import Budget
from router.functions.snapshot import Unsettled

_MAKING: Final = ".new-"
_LEAVING: Final = ".gone-"
_KNOWN: Final = "known.json"


class Tree(NamedTuple):
    """One tree."""

    path: Path
    sha256: str  # CodeSha256
    size: int  # bytes of its files


class Trees:
    """All trees of a state directory."""

    def __init__(self, directory: Path, excluded: Collection[str] = ()) -> None:
        """*excluded*: real paths that are no code although they may lie in a code directory."""
        self.directory, self.excluded = directory, frozenset(excluded)
        self._known: dict[str, tuple[str, str, str, int]] = {}  # source → fingerprint, tree, sha256, size

    def open(self) -> None:
        """Make the directory; what a crash left behind goes. Raises OSError."""
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        for left in [*self.directory.glob(f"{_MAKING}*"), *self.directory.glob(f"{_LEAVING}*")]:
            files.remove_tree(left)
        with suppress(OSError, ValueError, TypeError, AttributeError):
            self._known = {str(source): _known(entry) for source, entry in json.loads((self.directory / _KNOWN).read_bytes()).items()}

    def fingerprint(self, source: Path) -> str:
        """What changes when the code at *source* does. Raises CodeRefused, Unsettled, OSError."""
        if source.suffix == ARCHIVE and source.is_file():
            return _stamp(source)
        return snapshot.look(source, self.excluded)[1]

    def keep(self, source: Path) -> Tree:
        """The tree of a code directory or .zip, made when there is none. Raises CodeRefused, Unsettled, OSError."""
        if not (source.suffix == ARCHIVE and source.is_file()):
            rows, stamp = snapshot.look(source, self.excluded)
            return self._remembered(source, stamp) or self._made(
                source, stamp, lambda into, budget: snapshot.copy(source, into, rows, budget)
            )
        stamp = _stamp(source)
        return self._remembered(source, stamp) or self._made(source, stamp, lambda into, budget: _unpacked(source, into, budget))

    def last(self, source: Path) -> Tree | None:
        """The tree that was made of *source* last, whatever it is now; None when there is none."""
        stamp = self._known.get(str(source), ("", "", "", 0))[0]
        return self._remembered(source, stamp)

    def opt(self, layers: Sequence[Tree]) -> Path | None:
        """The directory that stands for /opt; None without layers. Raises OSError."""
        if len(layers) < 2:
            return layers[0].path if layers else None
        name = "opt-" + digest.name(hashlib.sha256("\n".join(tree.path.name for tree in layers).encode()).digest())
        final = self.directory / name
        if not final.is_dir():
            made = self._fresh()
            files.seal(made, _merge([tree.path for tree in layers], made))
            files.publish(made, final)
        return final

    def names(self) -> set[str]:
        """The names of all trees."""
        return {entry.name for entry in self.directory.iterdir() if entry.name != _KNOWN and not entry.name.startswith(".")}

    def collect(self, used: Collection[str]) -> int:
        """Remove the trees whose names are not among *used*; how many."""
        names = set(used)
        unused = [self.directory / name for name in self.names() - names]
        for entry in unused:
            leaving = self.directory / f"{_LEAVING}{uuid.uuid4().hex}"
            with suppress(OSError):
                entry.rename(leaving)
                files.remove_tree(leaving)
        kept = {source: entry for source, entry in self._known.items() if entry[1] in names}
        if kept != self._known:
            self._known = kept
            self._remember()
        return len(unused)

    def _remembered(self, source: Path, stamp: str) -> Tree | None:
        before, name, sha256, size = self._known.get(str(source), ("", "", "", 0))
        path = self.directory / name
        return Tree(path, sha256, size) if name and before == stamp and path.is_dir() else None

    def _made(self, source: Path, stamp: str, fill: Callable[[Path, Budget], bytes]) -> Tree:
        """A tree that *fill* fills, if by the end *source* is still what it was."""
        made, budget = self._fresh(), Budget()
        try:
            found = fill(made, budget)
            if self.fingerprint(source) != stamp:
                raise Unsettled  # noqa: TRY301 - it goes the way of the others
            files.seal(made, budget.count)
        except BaseException:
            files.remove_tree(made)
            raise
        tree = Tree(self.directory / digest.name(found), digest.spoken(found), budget.used)
        files.publish(made, tree.path)
        self._known[str(source)] = (stamp, tree.path.name, tree.sha256, tree.size)
        self._remember()
        return tree

    def _fresh(self) -> Path:
        made = self.directory / f"{_MAKING}{uuid.uuid4().hex}"
        made.mkdir(mode=0o700)
        return made

    def _remember(self) -> None:
        """Spare the next start the reading of what has not changed; a lost note costs that and nothing else."""
        with suppress(OSError):
            note = self.directory / f"{_MAKING}{_KNOWN}"
            note.write_text(json.dumps(self._known))
            note.replace(self.directory / _KNOWN)


def total(trees: Collection[Tree]) -> None:
    """Raise CodeRefused when code and layers together are over Lambda's limit."""
    size = sum(tree.size for tree in trees)
    if size > UNPACKED:
        raise CodeRefused(f"code and layers come to {size // 1024**2} MB unpacked; Lambda's limit is {UNPACKED // 1024**2} MB")


def _known(entry: list[object]) -> tuple[str, str, str, int]:
    stamp, name, sha256, size = entry
    return str(stamp), Path(str(name)).name, str(sha256), int(str(size))


def _stamp(archive: Path) -> str:
    found = archive.stat()
    return f"{found.st_dev}-{found.st_ino}-{found.st_size}-{found.st_mtime_ns}-{found.st_ctime_ns}"


def _unpacked(source: Path, into: Path, budget: Budget) -> bytes:
    unpack.unpack(source, into, budget)
    return snapshot.digest_of_archive(source)


def _merge(layers: Sequence[Path], into: Path) -> int:
    """Lay *layers* over one another: hard links, as nothing in a tree ever changes. How many files."""
    places = overlay.merged([_listing(layer) for layer in layers])
    for path, place in places.items():
        here = into / path
        if place.directory:
            here.mkdir()
        else:
            os.link(layers[place.layer] / path, here, follow_symlinks=False)
    return sum(not place.directory for place in places.values())


def _listing(tree: Path) -> dict[str, bool]:
    found = {}
    for place, directories, names in os.walk(tree):
        prefix = "" if Path(place) == tree else f"{Path(place).relative_to(tree).as_posix()}/"
        for name in directories:
            found[prefix + name] = not (Path(place) / name).is_symlink()
        found.update(dict.fromkeys((prefix + name for name in names), False))
    return found
