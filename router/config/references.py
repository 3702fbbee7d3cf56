"""`${env:NAME}`, `${credential:NAME}` and `${file:PATH}` inside values; `$${` is a plain `${`.

What a reference stands for is never empty and never shown in a message."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from router.config import files
from router.config.hiding import SHORTEST, Hiding

_REFERENCE: Final = re.compile(r"\$\$\{|\$\{([^}]*)(\})?")
_CREDENTIAL: Final = re.compile(r"[A-Za-z0-9_@][A-Za-z0-9_.@-]{0,254}")  # systemd.exec: a valid file name; ours: no leading dot
_PRIVATE: Final = re.compile(
    r"secret|token|passw|passphrase|credential|authorization|signature|(api|access|private|signing|encryption)[_-]?key|(^|[_-])(auth|key|pass|pwd)$",
    re.IGNORECASE,
)
_LARGEST: Final = 64 * 1024  # bytes of one referenced file
NO_DIRECTORY: Final = "CREDENTIALS_DIRECTORY is not set; systemd sets it"  # by this doctor knows it again
HINT: Final = "write ${env:NAME}, ${credential:NAME} or ${file:PATH}, or $${ for a plain ${"


class Unresolved(Exception):
    """A reference that stands for nothing; the text says why, without any value."""


def private(name: str) -> bool:
    """Whether a thing of this name is likely to hold a secret."""
    return bool(_PRIVATE.search(name))


def files_in(text: str) -> Iterator[str]:
    """The paths, as they are written, of the files that references in a text are to."""
    for inside, closed in _REFERENCE.findall(text):
        kind, _, name = inside.partition(":")
        if kind == "file" and name and closed:
            yield name


class References:
    """Resolves references against one environment and the config file's directory; remembers the secrets it gave out."""

    def __init__(self, environ: Mapping[str, str], directory: Path) -> None:
        self._environ, self._directory = environ, directory
        self._secrets: dict[str, bool] = {}  # and whether a reference stands for it; else it is in the file
        self.noted: dict[str, bool] = {}  # those of what is being read now (config/readings.py)
        self._values: dict[str, set[str]] = {}  # as written → the secrets in it; with short ones all that it stands for
        self._given: Hiding | None = None  # made when it is needed

    def resolve(self, text: str) -> str:
        """*text* with every reference replaced, once. Raises Unresolved."""
        if "${" not in text:
            return text
        found: set[str] = set()
        value = _REFERENCE.sub(lambda match: self._replace(match, found), text)
        if found:
            short = any(len(secret) < SHORTEST for secret in found)
            self._values[text] = {value, *found} if short else found
        return value

    def keep(self, secrets: Mapping[str, bool]) -> None:
        """Remember what must never be shown, each with whether a reference stands for it."""
        new = {secret: given for secret, given in secrets.items() if given > self._secrets.get(secret, -1)}
        self._secrets.update(new)
        self.noted.update({secret: self._secrets[secret] for secret in secrets})
        if any(new.values()):
            self._given = None

    @property
    def secrets(self) -> frozenset[str]:
        """All that was given out, or is called secret where it stands."""
        return frozenset(self._secrets)

    @property
    def given(self) -> frozenset[str]:
        """The secrets that references stand for."""
        return frozenset(secret for secret, given in self._secrets.items() if given)

    def hidden(self, message: str, written: Iterable[str] = ()) -> str:
        """*message* without any secret: whoever words a mistake may have quoted one. *written*: the texts of the value it is about. What
        stands in the file itself is hidden only there: it may be a word like any other."""
        if not self._secrets:
            return message
        here = {secret for text in written for secret in self._here(text)}
        if self._given is None:
            self._given = Hiding(self.given)
        return self._given.hidden(Hiding(here, here=True).hidden(message) if here else message)

    def _here(self, written: str) -> Iterable[str]:
        """The secrets in a value."""
        return self._values.get(written, (written,) if written in self._secrets else ())

    def _replace(self, found: re.Match[str], secrets: set[str]) -> str:
        """What a reference stands for; into *secrets* if that is one."""
        if found[0] == "$${":
            return "${"
        kind, colon, name = found[1].partition(":")
        if not (found[2] and colon and name) or kind not in {"env", "credential", "file"}:
            raise Unresolved(f"not a reference; {HINT}")
        value = {"env": self._env, "credential": self._credential, "file": self._file}[kind](name)
        if not value:
            raise Unresolved(f"{kind} {name} is empty")
        if kind != "env" or private(name):
            self.keep({value: True})
            secrets.add(value)
        return value

    def _env(self, name: str) -> str:
        if name not in self._environ:
            raise Unresolved(f"environment variable {name} is not set")
        value = self._environ[name]
        if not value.isascii() and any(0xD800 <= ord(letter) <= 0xDFFF for letter in value):
            raise Unresolved(f"environment variable {name} is not UTF-8 text")
        return value

    def _credential(self, name: str) -> str:
        directory = self._environ.get("CREDENTIALS_DIRECTORY", "")
        if not directory:
            raise Unresolved(f"credential {name}: {NO_DIRECTORY} for LoadCredential=, elsewhere set it to the directory of the files")
        if not _CREDENTIAL.fullmatch(name):
            raise Unresolved("a credential's name is letters, digits, _ . @ -")
        return _contents(Path(directory) / name, f"credential {name}")

    def _file(self, name: str) -> str:
        if "\0" in name:
            raise Unresolved("a path holds no NUL")
        return _contents(self._directory / name, f"file {name}")


def _contents(path: Path, what: str) -> str:
    """The text of a regular file, without the newline at its end."""
    try:
        content = files.content(path, _LARGEST + 1)
    except files.NotRegular:
        raise Unresolved(f"{what} is not a regular file") from None
    except OSError as error:
        raise Unresolved(f"{what}: {error.strerror}") from None
    if len(content) > _LARGEST:
        raise Unresolved(f"{what} is larger than {_LARGEST // 1024} KB")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise Unresolved(f"{what} is not UTF-8 text") from None
    if "\0" in text:
        raise Unresolved(f"{what} holds a NUL character")
    return text.removesuffix("\n").removesuffix("\r")
