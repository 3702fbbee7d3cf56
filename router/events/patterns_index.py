"""Many patterns at once: which of them one event matches, at a cost that does not grow with those that cannot match.

Pure. A trie: what a branch asks of its paths, the most telling first, leads from node to node, and branches that ask alike share
the way. An event follows what its own leaves lead to, through tables of values, prefixes and ranges. Where a way ends the
branch is only likely to match (the way knows nothing of arrays, absence and exceptions), so it is then matched in full."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, NamedTuple, Self, TypeVar

from router.events.patterns import Pattern
from router.events.patterns_match import Field, Leaves, Rule, leaves_of
from router.events.patterns_values import (
    ABSENT,
    EXISTS,
    Addresses,
    Affix,
    Exact,
    Folded,
    Numeric,
    Operator,
    Scalar,
    Wildcard,
    address,
    kind,
)

T = TypeVar("T")

WAYS: Final = 64  # that one branch may end at; beyond, some of its fields are left to the full match

_TELLING: Final = {Exact: 0, Folded: 1, Affix: 2, Addresses: 2, Numeric: 3}  # less: fewer values are let through


class _Span(NamedTuple):
    """A range, ends included, and where it leads."""

    low: float
    high: float
    node: "_Node"


@dataclass(slots=True)
class _Spans:
    """Ranges around a centre, and those wholly on either side of it: finds those that hold a value in the time of what it finds."""

    centre: float
    rising: list[_Span]  # around the centre, by low
    falling: list[_Span]  # the same, by high, the highest first
    below: "_Spans | None"
    above: "_Spans | None"

    @classmethod
    def of(cls, spans: Sequence[_Span]) -> "Self | None":
        """From any ranges."""
        if not spans:
            return None
        ends = sorted(end for span in spans for end in (span.low, span.high))
        centre = ends[len(ends) // 2]
        around = [span for span in spans if span.low <= centre <= span.high]
        return cls(
            centre,
            sorted(around, key=lambda span: span.low),
            sorted(around, key=lambda span: -span.high),
            cls.of([span for span in spans if span.high < centre]),
            cls.of([span for span in spans if span.low > centre]),
        )

    def holding(self, value: float) -> Iterator["_Node"]:
        """Where the ranges lead that hold *value*."""
        spans: _Spans | None = self
        while spans is not None:
            for span in spans.rising if value <= spans.centre else spans.falling:
                if not span.low <= value <= span.high:
                    break
                yield span.node
            spans = spans.below if value < spans.centre else spans.above if value > spans.centre else None


@dataclass(slots=True)
class _Texts:
    """Prefixes or suffixes."""

    nodes: dict[str, "_Node"] = field(default_factory=dict)
    lengths: tuple[int, ...] = ()

    def put(self, text: str, node: "_Node") -> None:
        self.nodes[text] = node
        self.lengths = tuple(sorted({*self.lengths, len(text)}))

    def beginning(self, value: str, *, end: bool) -> Iterator["_Node"]:
        """Where the texts lead that *value* begins, or ends, with."""
        for length in self.lengths:
            if length > len(value):
                return
            node = self.nodes.get(value[len(value) - length :] if end else value[:length])
            if node is not None:
                yield node


@dataclass(slots=True)
class _Ways:
    """Where the values of one path lead from one node."""

    nodes: dict[Operator, "_Node"] = field(default_factory=dict)
    exact: dict[tuple[str, Scalar], "_Node"] = field(default_factory=dict)
    folded: dict[str, "_Node"] = field(default_factory=dict)
    affixes: dict[tuple[bool, bool], _Texts] = field(default_factory=dict)  # (suffix, without regard to case)
    numbers: _Spans | None = None
    addresses: dict[int, _Spans | None] = field(default_factory=dict)

    def settle(self) -> None:
        """Make the tables, once all operators are there."""
        numbers: list[_Span] = []
        addresses: dict[int, list[_Span]] = {}
        for operator, node in self.nodes.items():
            if isinstance(operator, Exact):
                self.exact[operator.kind, operator.value] = node
            elif isinstance(operator, Folded):
                self.folded[operator.text] = node
            elif isinstance(operator, Affix):
                self.affixes.setdefault((operator.end, operator.folded), _Texts()).put(operator.text, node)
            elif isinstance(operator, Numeric):
                numbers.append(_Span(operator.low, operator.high, node))
            elif isinstance(operator, Addresses):
                addresses.setdefault(operator.version, []).append(_Span(operator.low, operator.high, node))
            node.settle()
        self.numbers = _Spans.of(numbers)
        self.addresses = {version: _Spans.of(spans) for version, spans in addresses.items()}

    def lead(self, value: Scalar) -> Iterator["_Node"]:
        """Where *value* may lead."""
        what = kind(value)
        for node in (self.exact.get((what, value)), self.nodes.get(EXISTS)):
            if node is not None:
                yield node
        if isinstance(value, str):
            yield from self._texts(value)
        elif what == "number" and self.numbers is not None:
            yield from self.numbers.holding(value)  # type: ignore[arg-type]

    def _texts(self, value: str) -> Iterator["_Node"]:
        if self.folded and (node := self.folded.get(value.casefold())) is not None:
            yield node
        for (end, folded), texts in self.affixes.items():
            yield from texts.beginning(value.casefold() if folded else value, end=end)
        found = address(value) if self.addresses else None
        spans = self.addresses.get(found.version) if found is not None else None
        if found is not None and spans is not None:
            yield from spans.holding(int(found))


@dataclass(slots=True)
class _Node:
    """What an event has come to; also the start."""

    ways: dict[str, _Ways] = field(default_factory=dict)  # by path
    ends: list[int] = field(default_factory=list)  # branches that may match here

    def settle(self) -> None:
        for ways in self.ways.values():
            ways.settle()

    def paths(self, leaves: Leaves) -> Iterable[str]:
        """Paths that both have."""
        return (
            [path for path in self.ways if path in leaves]
            if len(self.ways) < len(leaves)
            else [path for path in leaves if path in self.ways]
        )


class Index(Generic[T]):
    """Patterns, each with what it stands for. It does not change: another set of patterns is another index."""

    def __init__(self, patterns: Iterable[tuple[T, Pattern]]) -> None:
        self._start = _Node()
        self._branches: list[tuple[int, T, Rule]] = []  # by number: place of the owner, owner, branch
        names: set[str] = set()
        for place, (owner, pattern) in enumerate(patterns):
            names |= pattern.names
            for rule in pattern.rules:
                _enter(self._start, _asked(rule), len(self._branches))
                self._branches.append((place, owner, rule))
        self._names = frozenset(names)
        self._start.settle()
        self.steps = 0  # looks at a value or a branch that the last search took

    def find(self, event: Mapping[str, Any]) -> list[T]:
        """What the patterns stand for that *event* matches, in their order."""
        leaves = leaves_of(event, self._names)
        found: dict[int, T] = {}
        for number in self._likely(leaves):
            place, owner, rule = self._branches[number]
            self.steps += 1
            if place not in found and rule.matches(leaves):
                found[place] = owner
        return [found[place] for place in sorted(found)]

    def _likely(self, leaves: Leaves) -> set[int]:
        """The branches at which the event's ways end."""
        self.steps = 0
        likely: set[int] = set()
        seen = {id(self._start)}
        todo = [self._start]
        while todo:
            node = todo.pop()
            likely.update(node.ends)
            for path in node.paths(leaves):
                ways = node.ways[path]
                for value, _ in leaves[path]:
                    self.steps += 1
                    for following in ways.lead(value):
                        if id(following) not in seen:
                            seen.add(id(following))
                            todo.append(following)
        return likely


def _asked(rule: Rule) -> list[tuple[str, tuple[Operator, ...]]]:
    """What the way of a branch asks, in order: no more than leads to WAYS ends."""
    told = [(field.path, _tellable(field)) for field in rule.fields if ABSENT not in field.operators]
    told.sort(key=lambda asked: (max(_TELLING.get(type(one), 4) for one in asked[1]), len(asked[1]) > WAYS, asked[0]))
    ways = 1
    kept: list[tuple[str, tuple[Operator, ...]]] = []
    for path, operators in told:
        ways *= len(operators)
        if kept and ways > WAYS:
            break
        kept.append((path, operators))
    return kept


def _tellable(field: Field) -> tuple[Operator, ...]:
    """The operators that a way can follow; each lets through all that the field's own do."""
    found = tuple(dict.fromkeys(_wider(operator) for operator in field.operators))
    return (EXISTS,) if EXISTS in found else found


def _wider(operator: Operator) -> Operator:
    if isinstance(operator, Wildcard) and len(operator.parts) == 1:
        return Exact.of(operator.parts[0])
    if isinstance(operator, Wildcard):
        head, tail = operator.parts[0], operator.parts[-1]
        return Affix(head) if head else Affix(tail, end=True) if tail else EXISTS
    return operator if type(operator) in _TELLING else EXISTS


def _enter(node: _Node, asked: Sequence[tuple[str, tuple[Operator, ...]]], number: int) -> None:
    if not asked:
        node.ends.append(number)
        return
    path, operators = asked[0]
    ways = node.ways.setdefault(path, _Ways())
    for operator in operators:
        _enter(ways.nodes.setdefault(operator, _Node()), asked[1:], number)
