"""`${env:NAME}`, `${credential:NAME}` and `${file:PATH}` inside values; `$${` is a plain `${`.

What a reference stands for is never empty and never shown in a message."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from router.config import files

_REFERENCE: Final = re.compile(r"\$\$\{|\$\{([^}]*)(\})?")
_CREDENTIAL: Final = re.compile(r"[A-Za-z0-9_@][A-Za-z0-9_.@-]{0,254}")  # systemd.exec: a valid file name; ours: no leading dot
_PRIVATE: Final = re.compile(
    r"secret|token|passw|passphrase|credential|authorization|signature|(api|access|private|signing|encryption)[_-]?key|(^|[_-])(auth|key|pass|pwd)$",
    re.IGNORECASE,
)
_SHORTEST: Final = 4  # characters of a secret that can be told from ordinary text
_LARGEST: Final = 64 * 1024  # bytes of one referenced file
HINT: Final = "write ${env:NAME}, ${credential:NAME} or ${file:PATH}, or $${ for a plain ${"


class Unresolved(Exception):
    """A reference that stands for nothing; the text says why, without any value."""


def private(name: str) -> bool:
    """Whether a thing of this name is likely to hold a secret."""
    return bool(_PRIVATE.search(name))


class References:
    """Resolves references against one environment and the config file's directory; remembers the secrets it gave out."""

    def __init__(self, environ: Mapping[str, str], directory: Path) -> None:
        self._environ, self._directory = environ, directory
        self.secrets: set[str] = set()
        self.noted: set[str] = set()  # those of what is being read now (config/readings.py)

    def resolve(self, text: str) -> str:
        """*text* with every reference replaced, once. Raises Unresolved."""
        return _REFERENCE.sub(self._replace, text) if "${" in text else text

    def keep(self, *secrets: str) -> None:
        """Remember what must never be shown."""
        self.secrets.update(secrets)
        self.noted.update(secrets)

    def hidden(self, message: str) -> str:
        """*message* without any secret given out so far: whoever words a mistake may have quoted one."""
        for secret in self.secrets:
            if len(secret) >= _SHORTEST and secret in message:
                message = message.replace(secret, "[redacted]")
        return message

    def _replace(self, found: re.Match[str]) -> str:
        if found[0] == "$${":
            return "${"
        kind, colon, name = found[1].partition(":")
        if not (found[2] and colon and name) or kind not in {"env", "credential", "file"}:
            raise Unresolved(f"not a reference; {HINT}")
        value = {"env": self._env, "credential": self._credential, "file": self._file}[kind](name)
        if not value:
            raise Unresolved(f"{kind} {name} is empty")
        if kind != "env" or private(name):
            self.keep(value)
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
            raise Unresolved(f"credential {name}: CREDENTIALS_DIRECTORY is not set; systemd sets it for LoadCredential=")
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
