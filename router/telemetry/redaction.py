"""What must not appear in our own log: values under telling keys, and known secrets wherever they turn up. Pure.

Also makes every value plain (text, numbers, lists, dicts) and bounded, so that rendering cannot fail."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final

HIDDEN: Final = "[redacted]"
_TELLING: Final = re.compile(
    r"authori[sz]ation|cookie|signature|(?<!next_)token|secret|passw|passphrase|credential|(api|access|private|signing)[_-]?key",
    re.IGNORECASE,
)
_HARMLESS: Final = frozenset({bool, float, type(None)})
_SHORTEST: Final = 8  # characters; shorter ones would blot out ordinary words
_SHORTEST_LINE: Final = 16  # characters of a line that is hidden for itself, as in a private key
LONGEST: Final = 16 * 1024  # characters of one value
_DEPTH: Final = 6
_WIDTH: Final = 100  # entries of one list or dict


class Redaction:
    """Hides what it knows and what a key gives away."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._known: re.Pattern[str] | None = None
        self.idle = True  # it knows of no secret
        self._secrets: set[str] = set()
        self.learn(secrets)

    def learn(self, secrets: Iterable[str]) -> None:
        """Hide these too from now on."""
        self._secrets |= set(secrets)
        forms = {form for secret in self._secrets for form in _forms(secret)}
        ordered = sorted(forms, key=lambda form: (-len(form), form))  # the longest first: one may begin with another
        self._known = re.compile("|".join(map(re.escape, ordered))) if ordered else None
        self.idle = not ordered

    def entries(self, pairs: Mapping[str, Any]) -> dict[str, Any]:
        """The same entries, plain and without secrets."""
        return self._entries(pairs, _DEPTH)

    def flat(self, pairs: Mapping[str, str | float]) -> dict[str, Any]:
        """As entries(), for a few texts and numbers under keys that give nothing away: a third of its cost."""
        return {key: self.text(value) if type(value) is str else value for key, value in pairs.items()}

    def text(self, text: str) -> str:
        """The same text without known secrets, cut when it is very long."""
        if self._known is not None:
            text = self._known.sub(HIDDEN, text)
        return text if len(text) <= LONGEST else f"{text[:LONGEST]}… [{len(text) - LONGEST} more characters]"

    def _entries(self, pairs: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs.items():
            if len(found) >= _WIDTH:
                found["…"] = f"{len(pairs) - _WIDTH} more"
                break
            name = key if type(key) is str else _spelled(key)
            found[name] = HIDDEN if value is not None and _telling(name) else self._value(value, depth - 1)
        return found

    def _value(self, value: Any, depth: int) -> Any:
        kind = type(value)
        if kind is str:
            return self.text(value)
        if kind in _HARMLESS or (kind is int and -(2**63) <= value < 2**64):
            return value
        if depth > 0 and isinstance(value, Mapping):
            return self._entries(value, depth)
        if depth > 0 and isinstance(value, list | tuple | set | frozenset):
            return [self._value(item, depth - 1) for item, _ in zip(value, range(_WIDTH), strict=False)]
        return self.text(_spelled(value))


@lru_cache(maxsize=1024)
def _telling(key: str) -> bool:
    return _TELLING.search(key) is not None


def _forms(secret: str) -> Iterable[str]:
    """A secret as it may turn up: itself, without white space around it, and the lines of a long one."""
    lines = [line for line in secret.split("\n") if len(line.strip()) >= _SHORTEST_LINE and not line.startswith("-----")]
    return {form for form in (secret, secret.strip(), *lines) if len(form.strip()) >= _SHORTEST}


def _spelled(value: Any) -> str:
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - an object that cannot be spelled must not stop who logs it
        return f"<{type(value).__name__}>"
