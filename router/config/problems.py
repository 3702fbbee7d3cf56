"""The mistakes of one config file, with their places. Pure.

A mistake is one line for people: `config.yaml:9:5: functions.thumbnail.handeler: unknown key, did you mean handler?`.
Nothing here ever holds a value that a `${…}` reference stands for: messages quote the file's own text."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

LIMIT: Final = 100  # mistakes told; a file with more gets "… and N more"
MARK: Final = "declared:"  # before the path of what is in no file
_LONGEST: Final = 60  # characters of the file's own text quoted in a message
_THEIRS: Final = {  # what triggers are called elsewhere, SAM above all → our word
    **dict.fromkeys(("api", "httpapi", "apigateway", "alb", "rest"), "http"),
    **dict.fromkeys(("eventbridge", "eventbridgerule", "cloudwatchevent", "rule"), "event"),
    **dict.fromkeys(("schedulev2", "cron", "rate", "timer"), "schedule"),
    "sqs": "queue",
    "dynamodb": "table",
    "functionurl": "url",
    "bucket": "s3",
    "topic": "sns",
}
_PLAIN: Final = re.compile(r"[\w$@+*/ -]{1,64}")


def near(word: str, known: Collection[str]) -> str:
    """What in *known* is most like *word*; "" when nothing is."""
    return next(iter(get_close_matches(word, known, n=1, cutoff=0.6)), "")


def ours(word: str) -> str:
    """What we call a trigger that has another name elsewhere; any other word as it is."""
    return _THEIRS.get(word.lower().replace("_", "").replace("-", ""), word)


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake; line and column count from 1. Line 0: in what was declared through the API."""

    line: int
    column: int
    path: str
    message: str


class Problems:
    """Collects mistakes while reading goes on; bounded, each told once, and none that another one explains."""

    def __init__(self, name: str) -> None:
        self.name = name  # the file's, for people
        self._found: set[Problem] = set()
        self._fatal: dict[tuple[int, int], dict[str, str]] = {}  # line and column → path, message
        self._misspelt: set[tuple[int, int, str]] = set()  # where a key is missing that stands there under another name
        self.count = 0  # all that were noted, told or not

    def note(self, line: int, column: int, path: str, message: str, *, fatal: bool = False) -> None:
        """Note a mistake; one already noted is not noted twice. *fatal*: there is no value to go by, so that whatever else is noted of it,
        or of what would be in it, only follows from that."""
        problem = Problem(line, column, path, message if message.isprintable() else printable(message))
        if problem in self._found:
            return
        self.count += 1
        if len(self._found) < LIMIT:
            self._found.add(problem)
            if fatal and path:
                self._fatal.setdefault((line, column), {})[path] = message  # the last one says most

    def misspelt(self, line: int, column: int, path: str) -> None:
        """The key at *path*, of the mapping that begins there, is not missing: another one is told to be meant for it."""
        self._misspelt.add((line, column, path))

    def told_as_misspelt(self, line: int, column: int, path: str) -> bool:
        """Whether misspelt() was told of it."""
        return (line, column, path) in self._misspelt

    def nearest(self, word: str, known: Collection[str]) -> str:
        """What in *known* is close to *word*, else nothing. Free of charge once enough was told."""
        if len(self._found) >= LIMIT or len(word) > _LONGEST:
            return ""
        return near(word, known)

    def did_you_mean(self, word: str, known: Collection[str]) -> str:
        """`, did you mean X?` when something in *known* is close to *word*, else nothing."""
        return f", did you mean {close}?" if (close := self.nearest(word, known)) else ""

    def lines(self) -> tuple[str, ...]:
        """All mistakes as people read them, in the order of the file."""
        found = [told(self.name, one) for one in sorted(self._found) if not self._follows(one)]
        rest = self.count - len(self._found)
        return (*found, f"{self.name}: … and {rest} more") if rest else tuple(found)

    def _follows(self, problem: Problem) -> bool:
        """Whether another mistake that is told explains it."""
        if (problem.line, problem.column, problem.path) in self._misspelt:
            return True
        fatal = self._fatal.get((problem.line, problem.column), {})
        if any(problem.path.startswith((f"{path}.", f"{path}[")) for path in fatal):
            return True
        return fatal.get(problem.path, problem.message) != problem.message


def told(name: str, problem: Problem) -> str:
    """One mistake as people read it; *name*: the file's."""
    if not problem.line:  # declared through the API: it has a path, and stands in no file
        return f"{MARK}{problem.path}: {problem.message}"
    return ": ".join(filter(None, (f"{name}:{problem.line}:{problem.column}", problem.path, problem.message)))


def plain(said: str) -> str:
    """What told() and others say of what the API declared, for who declared it: without the mark, which stands for the file's name."""
    return said.replace(MARK, "").removeprefix(": ").strip()


def shown(text: str, limit: int = _LONGEST) -> str:
    """*text* on one line and short, control characters and lone surrogates escaped."""
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    return cut if cut.isprintable() else printable(cut)


def printable(text: str) -> str:
    """*text* with control characters and lone surrogates escaped."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def step(path: str, key: str) -> str:
    """The path of *key* under *path*; a key that is no plain word stands in quotes."""
    part = key if _PLAIN.fullmatch(key) else f'"{shown(key)}"'
    return f"{path}.{part}" if path else part
