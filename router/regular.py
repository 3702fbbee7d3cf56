"""Regular expressions for text of strangers: time grows with the text, whatever pattern and text are. Pure.

Python's own matcher tries one way after the other, and goes back: `([a-z]+[.]?)+` takes 2^n steps for n letters and an
exclamation mark. Here all ways are followed at once, in the automaton of Glushkov ("The abstract theory of automata",
1961): one place for each character of the pattern, the places reached so far as the bits of one number. What is taken
is written as in `re` and means the same; what cannot be done in this way is refused: references to groups, look-around,
atomic groups, possessive repeats, word boundaries, and `^` or `$` anywhere but at an end."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final, NamedTuple

PLACES: Final = 1000  # characters of a pattern, each repeat written out; with all of them in play a letter costs some 15 µs
_KEPT: Final = 4096  # steps that are remembered

_TOKEN: Final = re.compile(
    r"""(?P<set>\.|\[\^?\]?(?:\\.|[^\]\\])*\])
    |(?P<begin>\^|\\A)|(?P<end>\$|\\Z)
    |(?P<escape>\\(?:0[0-7]{0,2}|[0-7]{3}|x.{2}|u.{4}|U.{8}|N\{[^}]*\}|[^0-9bB]))
    |(?P<repeat>(?:[*+?]|\{(?!\})(?P<low>[0-9]*)(?P<comma>,(?P<high>[0-9]*))?\})(?P<how>[?+]?))
    |(?P<comment>\(\?\#[^)]*\))
    |(?P<flags>\(\?(?P<whole>[a-z]+)\))
    |(?P<open>\((?:\?P<\w+>|\?(?P<on>[a-z]*)(?:-(?P<off>[a-z]+))?:|(?!\?)))
    |(?P<close>\))|(?P<or>\|)
    |(?P<letter>[^\\(])""",
    re.VERBOSE | re.DOTALL,
)


class Unfit(ValueError):
    """A pattern that is none, or that only going back in the text could decide; the text says why."""


class _Part(NamedTuple):
    """A piece of a pattern, its places as bits."""

    empty: bool  # it matches the empty text too
    first: int = 0  # places at which its text can begin; 0 only where it has no place at all
    last: int = 0  # places at which it can end
    begins: bool = False  # `^` stands in it
    ends: bool = False  # `$` stands in it


_NOTHING: Final = _Part(empty=True)


class Regular:
    """One pattern, ready to be matched."""

    def __init__(self, pattern: str) -> None:
        """Raises Unfit."""
        try:
            re.compile(pattern)
            reader = _Reader(pattern)
            whole = reader.read()
        except re.error as error:
            raise Unfit(f"no regular expression: {error}") from None
        except (RecursionError, OverflowError):
            raise Unfit("no regular expression that can be read: nested too deep, or repeated too often") from None
        self._letters = reader.letters
        self._follow = reader.follow
        self._follow[0] = whole.first
        self._accepting = whole.last | whole.empty
        self._steps: dict[tuple[int, str], int] = {}
        self._reached = lru_cache(maxsize=None)(self._reached_from)
        self._open_to = lru_cache(maxsize=_KEPT)(self._taking)

    def matches(self, text: str) -> bool:
        """Whether the whole *text* matches."""
        state, steps = 1, self._steps  # the place before all others
        for letter in text:
            found = steps.get((state, letter))
            state = self._step(state, letter) if found is None else found
            if not state:
                return False
        return state & self._accepting != 0

    def found_in(self, text: str, *, begins: bool = False, ends: bool = False) -> bool:
        """Whether a piece of *text* matches: one at its beginning, or at its end, where that is asked for."""
        state, steps, accepting = 1, self._steps, self._accepting
        for letter in text:
            if not ends and state & accepting:
                return True
            found = steps.get((state, letter))
            state = self._step(state, letter) if found is None else found
            if not begins:
                state |= 1
            elif not state:
                return False
        return state & accepting != 0

    def _step(self, state: int, letter: str) -> int:
        reached = 0
        for number, byte in enumerate(state.to_bytes((len(self._follow) + 7) // 8, "little")):
            if byte:
                reached |= self._reached(number, byte)
        if len(self._steps) >= _KEPT:
            self._steps.clear()
        self._steps[state, letter] = found = reached & self._open_to(letter)
        return found

    def _reached_from(self, number: int, byte: int) -> int:
        """The places that may follow on those of one byte of a state."""
        reached = 0
        for place in _bits(byte):
            reached |= self._follow[8 * number + place]
        return reached

    def _taking(self, letter: str) -> int:
        """The places that take *letter*."""
        return sum(places for item, places in self._letters.items() if item.fullmatch(letter))


def _bits(number: int) -> Iterator[int]:
    while number:
        low = number & -number
        yield low.bit_length() - 1
        number ^= low


class _Reader:
    """A pattern that `re` has accepted, read into places. A repeat reads what is repeated once for every copy."""

    def __init__(self, pattern: str) -> None:
        self.letters: dict[re.Pattern[str], int] = {}  # what one character may be → the places that take it
        self.follow = [0]  # of each place those that may come next; place 0 is before all others
        self._pattern, self._at = pattern, 0
        self._flags: frozenset[str] = frozenset()

    def read(self) -> _Part:
        return self._choice()

    # -- grammar

    def _peek(self) -> re.Match[str] | None:
        """The token that comes next, past comments; None at the end. Raises Unfit."""
        found = _TOKEN.match(self._pattern, self._at)
        while found is not None and found["comment"]:
            self._at = found.end()
            found = _TOKEN.match(self._pattern, self._at)
        if found is None and self._at < len(self._pattern):
            raise Unfit(
                f"{self._pattern[self._at : self._at + 4]}… is not taken here: it has to go back in the text, which a stranger's could make endless"
            )
        return found

    def _choice(self) -> _Part:
        part = self._sequence()
        while (token := self._peek()) is not None and token["or"]:
            self._at = token.end()
            part = _either(part, self._sequence())
        return part

    def _sequence(self) -> _Part:
        part = _NOTHING
        while (token := self._peek()) is not None and not token["or"] and not token["close"]:
            part = self._then(part, self._repeated())
        return part

    def _repeated(self) -> _Part:
        """An atom with the repeat behind it."""
        begun = self._at
        part = self._atom()
        token = self._peek()
        if token is None or not token["repeat"]:
            return part
        if token["how"] == "+":
            raise Unfit(f"{token[0]} is not taken here: a possessive repeat; write {token[0][:-1]}")
        if part.first:
            part = self._copies(part, begun, *_bounds(token))
        self._at = token.end()
        return part

    def _copies(self, part: _Part, begun: int, low: int, high: int | None) -> _Part:
        """*part*, read at *begun*, as often as a repeat says; *high* None: without end. Built from the last copy to the first."""
        if high == 0:
            return _NOTHING
        if high != 1 and (part.begins or part.ends):
            raise Unfit("^ and $ are taken at the ends of the pattern only: one stands in a repeat")
        count = max(low, 1) if high is None else high
        found = self._looped(part) if high is None else part
        for left in range(count - 1, 0, -1):
            behind = found if left < low else found._replace(empty=True)
            self._at = begun
            found = self._then(self._atom(), behind)
        return found if low else found._replace(empty=True)

    def _atom(self) -> _Part:
        token = self._peek()
        assert token is not None  # `re` accepts no repeat of nothing
        self._at = token.end()
        if token["open"]:
            return self._group(token)
        if token["begin"] or token["end"]:
            return _Part(empty=True, begins=bool(token["begin"]), ends=bool(token["end"]))
        if token["flags"]:
            self._flags = self._switched(token["whole"], "")
            return _NOTHING
        return self._place(re.escape(token[0]) if token["letter"] else token[0])

    def _group(self, token: re.Match[str]) -> _Part:
        outer = self._flags
        self._flags = self._switched(token["on"] or "", token["off"] or "")
        part = self._choice()
        self._at += 1  # its bracket
        self._flags = outer
        return part

    def _switched(self, on: str, off: str) -> frozenset[str]:
        if "x" in on:
            raise Unfit("the flag x is not taken here: write the pattern without spaces and comments")
        kinds = {"a", "u"} if {"a", "u"} & set(on) else set()
        return (self._flags - kinds - set(off)) | set(on)

    # -- places

    def _place(self, item: str) -> _Part:
        """A new place for one character."""
        number = len(self.follow)
        if number > PLACES:
            raise Unfit(f"more than {PLACES} characters, each repeat written out")
        letter = re.compile(f"(?{''.join(sorted(self._flags))}){item}" if self._flags else item)
        self.follow.append(0)
        self.letters[letter] = self.letters.get(letter, 0) | 1 << number
        return _Part(empty=False, first=1 << number, last=1 << number)

    def _then(self, one: _Part, other: _Part) -> _Part:
        """One behind the other."""
        if (one.ends and other.first) or (one.first and other.begins):
            raise Unfit("^ and $ are taken at the ends of the pattern only")
        for place in _bits(one.last):
            self.follow[place] |= other.first
        return _Part(
            one.empty and other.empty,
            one.first | (other.first if one.empty else 0),
            other.last | (one.last if other.empty else 0),
            one.begins or other.begins,
            one.ends or other.ends,
        )

    def _looped(self, part: _Part) -> _Part:
        """The same, once or more."""
        for place in _bits(part.last):
            self.follow[place] |= part.first
        return part


def _either(one: _Part, other: _Part) -> _Part:
    return _Part(
        one.empty or other.empty, one.first | other.first, one.last | other.last, one.begins or other.begins, one.ends or other.ends
    )


def _bounds(token: re.Match[str]) -> tuple[int, int | None]:
    """How often at least, and at most."""
    sign = token["repeat"][0]
    if sign != "{":
        return {"*": (0, None), "+": (1, None), "?": (0, 1)}[sign]
    low = int(token["low"] or 0)
    if token["comma"] is None:
        return low, low
    return low, int(token["high"]) if token["high"] else None
