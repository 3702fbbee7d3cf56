"""Secrets taken out of what is said of a config, however they were quoted: whole, cut, escaped, or as a path that was put in order. Pure.

Whoever words a mistake quotes a value as it suits the reader. What is looked for is therefore not the secret as a whole, but every run
of its characters that is too long to be there by chance, in either case."""

from collections.abc import Iterable, Iterator
from typing import Final

from router.config.problems import printable

HIDDEN: Final = "[redacted]"
SHORTEST: Final = 4  # characters of a secret that can be told from ordinary text
_RUN: Final = 12  # characters in a row that no message has in common with a secret by chance
_RUN_HERE: Final = 4  # the same of a message about the very value
_RUN_OF_LONG: Final = 8  # and where that is as long as a text
_LONG: Final = 64  # characters
_APART: Final = "\udfff"  # between two secrets: no UTF-8 text holds it


class Hiding:
    """Some secrets, ready to be taken out."""

    def __init__(self, secrets: Iterable[str], *, here: bool = False) -> None:
        """*here*: of messages about the very values that hold them."""
        self._here = here
        self._short: list[str] = []  # looked for as a whole
        long: dict[int, list[str]] = {}  # length of a run → what it may be a run of
        for secret in filter(None, secrets):
            run = _RUN if not here else _RUN_HERE if len(secret) <= _LONG else _RUN_OF_LONG
            if len(secret) >= run:
                long.setdefault(run, []).extend({_folded(form) for form in (secret, printable(secret), repr(secret)[1:-1])})
            elif here or len(secret) >= SHORTEST:
                self._short.append(_folded(secret))
        self._long = {run: _APART.join(forms) for run, forms in long.items()}

    def hidden(self, message: str) -> str:
        """*message* without them."""
        folded, parts, end = _folded(message.replace(_APART, " ")), [], 0
        for first, last in _merged(sorted(self._spans(folded))):
            parts += [message[end:first], HIDDEN]
            end = last
        return "".join((*parts, message[end:]))

    def _spans(self, folded: str) -> Iterator[tuple[int, int]]:
        for run, secrets in self._long.items():
            yield from _runs(folded, secrets, run)
        for secret in self._short:
            at = folded.find(secret)
            while at >= 0:
                if len(secret) >= SHORTEST or _alone(folded, at, at + len(secret)):
                    yield at, at + len(secret)
                at = folded.find(secret, at + 1)


def _runs(folded: str, secrets: str, run: int) -> Iterator[tuple[int, int]]:
    """Where at least *run* characters in a row stand in *secrets* too."""
    at = 0
    while at + run <= len(folded):
        end = at + run
        if folded[at:end] not in secrets:
            at += 1
            continue
        while end < len(folded) and folded[at : end + 1] in secrets:
            end += 1
        yield at, end
        at = end - run + 1


def _merged(spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Those that touch as one."""
    begun, end = -1, -1
    for first, last in spans:
        if first > end:
            if end > 0:
                yield begun, end
            begun, end = first, last
        end = max(end, last)
    if end > 0:
        yield begun, end


def _alone(text: str, first: int, last: int) -> bool:
    """Whether it is a word for itself."""
    return not text[first - 1 : first].isalnum() and not text[last : last + 1].isalnum()


def _folded(text: str) -> str:
    """Lower-case, each character still one."""
    low = text.lower()
    return low if len(low) == len(text) else "".join(one if len(one.lower()) != 1 else one.lower() for one in text)
