"""What `router service` does to this machine, or to an image of one: files, directories, the account, systemd's own programs."""

import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from router.cli.exits import fail
from router.cli.service_access import Account, Seen
from router.cli.service_files import Place

ACCOUNT: Final = "router"
LINES: Final = 20  # of the log, where it does not start
PATIENCE: Final = 60.0  # seconds for an account and some directories


class Host:
    """The machine, or the directory tree of one. Every path is as the service knows it."""

    def __init__(self, root: Path | None) -> None:
        self.root = root

    def here(self, path: Path) -> Path:
        """Where *path* is for us. Fails when a symlink of the image leads out of it."""
        if self.root is None:
            return path
        found = self.root / path.relative_to("/")
        if found != self.root and not Path(os.path.realpath(found.parent)).is_relative_to(os.path.realpath(self.root)):
            fail(f"{path}: a symlink leads out of {self.root}")
        return found

    def there(self, path: Path) -> Path:
        """What the service calls a path of ours: below the root without it, elsewhere the same."""
        absolute = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow a symlink
        return Path("/") / absolute.relative_to(self.root) if self.root and absolute.is_relative_to(self.root) else absolute

    def real(self, path: Path) -> Path:
        """The same without symlinks; those of an image are not followed."""
        return self.there(path) if self.root else Path(os.path.realpath(path))

    def booted(self) -> bool:
        """Whether systemd runs this machine: sd_booted(3)."""
        return self.root is None and Path("/run/systemd/system").is_dir()

    def text(self, path: Path) -> str | None:
        """What a file holds, "" for what is none (/dev/null, where a unit is masked); None: it is not there."""
        found = self.here(path)
        try:
            return found.read_text(errors="replace") if found.is_file() else "" if os.path.lexists(found) else None
        except OSError as error:
            fail(f"{found}: {error.strerror}")

    def drop_ins(self, directory: Path) -> list[Path]:
        """The drop-ins in there, in systemd's order."""
        return sorted(directory / found.name for found in self.here(directory).glob("*.conf"))

    def write(self, path: Path, text: str) -> None:
        """The whole file or nothing of it, for everybody to read."""
        found = self.here(path)
        found.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        descriptor, early = tempfile.mkstemp(prefix=f".{path.name}.", dir=found.parent)
        with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123 - a descriptor
            os.fchmod(descriptor, 0o644)
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        os.replace(early, found)  # noqa: PTH105 - a str

    def remove(self, path: Path) -> None:
        """The file, and its directory when it was the last in one of drop-ins."""
        found = self.here(path)
        found.unlink(missing_ok=True)
        if found.parent.name.endswith(".d") and found.parent.name.startswith("router.") and not any(found.parent.iterdir()):
            found.parent.rmdir()

    def account(self) -> Account | None:
        """The user router; None: there is none."""
        users = self._entries("/etc/passwd")
        entry = next((entry for entry in users if entry[0] == ACCOUNT), None)
        if entry is None:
            return None
        gids = {int(group[2]) for group in self._entries("/etc/group") if ACCOUNT in group[3].split(",")}
        return Account(int(entry[2]), int(entry[3]), gids)

    def _entries(self, name: str) -> list[list[str]]:
        text = self.text(Path(name)) or ""
        return [parts for line in text.splitlines() if len(parts := line.split(":")) >= 4]

    def look(self, path: Path) -> Seen | None:
        """What stat says of it; None: nothing."""
        found = self.here(path)
        try:
            seen = found.stat()
            listed = "system.posix_acl_access" in os.listxattr(found)
        except OSError:
            return None
        return Seen(seen.st_uid, seen.st_gid, stat.S_IMODE(seen.st_mode), stat.S_ISDIR(seen.st_mode), listed)

    def mounted(self, path: Path) -> bool:
        """Whether it lies on a file system that was mounted below /."""
        return any(os.path.ismount(self.here(one)) for one in (path, *path.parents) if one.parent != one)

    def make(self, place: Place, account: Account, *, users: bool) -> list[str]:
        """The directory of a place that is to be made and is not there: [what was made], or []. Its parents are root's."""
        found = self.here(place.path)
        if not place.make or os.path.lexists(found):
            return []
        private = place.use == "state"
        mode = 0o700 if private else 0o2770 if users else 0o750
        uid, gid = (0, 0) if private and users else (account.uid, account.gid)
        found.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        found.mkdir(mode=0o700)
        descriptor = os.open(found, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)  # what it is now, whoever may rename it
        try:
            os.fchown(descriptor, uid, gid)
            os.fchmod(descriptor, mode)
        finally:
            os.close(descriptor)
        return [str(place.path)]

    def settle(self, program: str, name: str, *words: str) -> None:
        """systemd-sysusers or systemd-tmpfiles on our file of this name. Fails with what it said."""
        root = [f"--root={self.root}"] if self.root else []
        done = _ran([program, *words, *root, name])
        if done.returncode:
            fail(f"{program}: {done.stderr.strip() or f'status {done.returncode}'}")

    def systemctl(self, *words: str) -> subprocess.CompletedProcess[str]:
        """What systemctl did; on an image only what needs nothing to run. A start and a stop end by the unit's own limits."""
        root = [f"--root={self.root}"] if self.root else []
        return _ran(["systemctl", "--no-pager", "--no-ask-password", *root, *words], None)

    def log(self, unit: str, since: float) -> list[str]:
        """The last lines that the unit and systemd logged of it since then, epoch seconds."""
        _ran(["journalctl", "--sync"])
        last = ["journalctl", f"--unit={unit}", f"--since=@{since:.0f}", f"--lines={LINES}", "--output=cat", "--no-pager"]
        return _ran(last).stdout.splitlines()

    def told(self, unit: str) -> dict[str, str]:
        """What systemd knows of a unit: ActiveState, UnitFileState, StatusText; {} where it does not run."""
        if not self.booted():
            return {}
        shown = self.systemctl("show", unit, "-p", "ActiveState,UnitFileState,StatusText,LoadState").stdout
        return dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)


def _ran(argv: Sequence[str], patience: float | None = PATIENCE) -> subprocess.CompletedProcess[str]:
    if shutil.which(argv[0]) is None:
        fail(f"{argv[0]} is missing: apt-get install systemd")
    try:
        return subprocess.run(argv, check=False, capture_output=True, text=True, timeout=patience, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        fail(f"{' '.join(argv)}: not done after {PATIENCE:.0f} s")
