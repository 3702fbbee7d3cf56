"""One event against one branch of a pattern, as EventBridge decides it: arrays consistently.

Pure. Rule, from AWS's open-source matcher and tests/golden/eventbridge_pattern_array_cases.json: an event is its leaves; each field of
the branch needs a leaf at its path; no two of them may stand in different elements of one array. `exists: false` asks whether
a leaf at its path stands in no other element than those chosen for the paths before it, in the order of their names.

Work is proportional to the event: combinations are joined by where they stand, never tried in pairs. Only an event whose keys
hold dots can need more than COMBINATIONS of them; then those beyond are not looked at."""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from router.events.patterns_parse import Branch
from router.events.patterns_values import ABSENT, Exact, Operator, Scalar, kind

COMBINATIONS: Final = 10_000
ARRAYS: Final = 100  # inside one another; what is deeper matches nothing

Step = tuple[str, int]  # an array, by where it stands, and an element of it
Chain = tuple[Step, ...]  # from the outermost array to the innermost
Leaf = tuple[Scalar, Chain]
Leaves = dict[str, list[Leaf]]  # path → what stands there
Spread = frozenset[Chain]  # elements chosen so far


@dataclass(frozen=True, slots=True)
class Field:
    """What a branch asks of one path."""

    path: str
    operators: tuple[Operator, ...]
    absent: bool  # no leaf there is good too
    exact: frozenset[tuple[str, Scalar]]  # of the operators, the values themselves with their kinds
    others: tuple[Operator, ...]  # the rest of them

    @classmethod
    def of(cls, path: str, operators: tuple[Operator, ...]) -> Self:
        """From the alternatives of a path."""
        exact = frozenset((one.kind, one.value) for one in operators if isinstance(one, Exact))
        return cls(path, operators, ABSENT in operators, exact, tuple(one for one in operators if not isinstance(one, Exact)))

    def chosen(self, leaves: Iterable[Leaf]) -> set[Chain]:
        """Where leaves stand that match."""
        exact, others = self.exact, self.others
        return {chain for value, chain in leaves if (kind(value), value) in exact or any(one.accepts(value) for one in others)}


@dataclass(frozen=True, slots=True)
class Rule:
    """A branch, ready to match."""

    fields: tuple[Field, ...]  # in AWS's order

    @classmethod
    def of(cls, branch: Branch) -> Self:
        """From a parsed branch."""
        paths = sorted(branch, key=lambda path: path.encode("utf-16-be", "surrogatepass"))
        return cls(tuple(Field.of(path, branch[path]) for path in paths))

    def matches(self, leaves: Leaves) -> bool:
        """Whether an event with these leaves matches."""
        hits: list[set[Chain]] = []
        for field in self.fields:
            there = leaves.get(field.path, ())
            found = field.chosen(there)
            if not found and not field.absent:
                return False
            hits.append(found)
        if all(found == _ANYWHERE or (not found and field.path not in leaves) for found, field in zip(hits, self.fields, strict=True)):
            return True
        return self._consistent(hits, leaves)

    def _consistent(self, hits: list[set[Chain]], leaves: Leaves) -> bool:
        held = [{chain for _, chain in leaves.get(field.path, ())} if field.absent else set() for field in self.fields]
        later = _later([found | there for found, there in zip(hits, held, strict=True)])
        spreads = {_NOWHERE}
        for field, found, there, relevant in zip(self.fields, hits, held, later, strict=True):
            absent = _without(spreads, there) if field.absent else set()
            spreads = _joined(spreads, found, relevant) | {_cut(spread, relevant) for spread in absent}
            if not spreads:
                return False
        return True


_ANYWHERE: Final[set[Chain]] = {()}
_NOWHERE: Final[Spread] = frozenset()


def leaves_of(event: Mapping[str, Any], names: Container[str] | None = None) -> Leaves:
    """The leaves of an event; with *names*, only of what lies below these names of levels."""
    leaves: Leaves = {}
    todo: list[tuple[Any, str, str, Chain]] = [(event, "", "", ())]
    while todo:
        value, path, place, chain = todo.pop()
        if isinstance(value, Mapping):
            for key, inner in value.items():
                if names is not None and key not in names and not ("." in key and all(part in names for part in key.split("."))):
                    continue
                name = f"{path}.{key}" if path else key
                if isinstance(inner, Mapping | list):
                    plain = "." not in key and place == path
                    todo.append((inner, name, name if plain else f"{place}\0{key}", chain))  # two arrays may share a path, not a place
                else:
                    leaves.setdefault(name, []).append((inner, chain))
        elif len(chain) < ARRAYS:
            for index, inner in enumerate(value):
                if isinstance(inner, Mapping | list):
                    todo.append((inner, path, place, (*chain, (place, index))))
                else:
                    leaves.setdefault(path, []).append((inner, chain))
    return leaves


# -- consistency: two chains go together unless they take different elements of one array


def _places(chain: Chain) -> tuple[str, ...]:
    return tuple(place for place, _ in chain)


def _by_places(chains: Iterable[Chain]) -> dict[tuple[str, ...], list[Chain]]:
    found: dict[tuple[str, ...], list[Chain]] = {}
    for chain in chains:
        found.setdefault(_places(chain), []).append(chain)
    return found


def _shared(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    """How many of the outer arrays are the same, as long as the same elements are taken."""
    return next((depth for depth, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _fit(one: Chain, other: Chain) -> bool:
    for (place, index), (at, taken) in zip(one, other, strict=False):
        if place != at:
            return True
        if index != taken:
            return False
    return True


def _later(fields: list[set[Chain]]) -> list[set[str]]:
    """For each field, the arrays that a later one stands in."""
    found: list[set[str]] = []
    places: set[str] = set()
    for chains in reversed(fields):
        found.append(set(places))
        places.update(place for chain in chains for place, _ in chain)
    return found[::-1]


def _shortened(chain: Chain, relevant: set[str]) -> Chain:
    """The chain as far as anything later may contradict it."""
    for depth, (place, _) in enumerate(chain):
        if place not in relevant:
            return chain[:depth]
    return chain


def _spread(chains: Iterable[Chain]) -> Spread:
    """Chains as one choice; what begins another says nothing more."""
    kept = {chain for chain in chains if chain}
    if len(kept) < 2:
        return frozenset(kept)
    return frozenset(chain for chain in kept if not any(len(other) > len(chain) and other[: len(chain)] == chain for other in kept))


def _cut(spread: Spread, relevant: set[str]) -> Spread:
    return _spread(_shortened(chain, relevant) for chain in spread) if spread else spread


def _without(spreads: set[Spread], there: set[Chain]) -> set[Spread]:
    """The choices that go with none of these places."""
    groups = _by_places(there)
    known: dict[tuple[str, ...], list[tuple[int, set[Chain]]]] = {}  # by arrays: how much is shared with each group, and its beginnings

    def goes(chain: Chain) -> bool:
        places = _places(chain)
        if places not in known:
            shared = [(_shared(places, others), chains) for others, chains in groups.items()]
            known[places] = [(depth, {other[:depth] for other in chains}) for depth, chains in shared]
        return any(chain[:depth] in beginnings for depth, beginnings in known[places])

    def alone(spread: Spread) -> bool:
        if len(spread) < 2:
            return not goes(next(iter(spread), ()))
        return not any(all(_fit(chain, taken) for taken in spread) for chain in there)

    return {spread for spread in spreads if alone(spread)}


def _joined(spreads: set[Spread], found: set[Chain], relevant: set[str]) -> set[Spread]:
    """Each choice so far with each place of the next field that goes with it, as far as *relevant*."""
    simple = _by_places(next(iter(spread), ()) for spread in spreads if len(spread) < 2)
    nexts = _by_places(found)
    joined: set[Spread] = set()
    for places, chains in simple.items():
        for others, chosen in nexts.items():
            depth = _shared(places, others)
            before = _grouped(chains, depth, relevant)
            after = _grouped(chosen, depth, relevant)
            for key in before.keys() & after.keys():
                joined.update(_spread((one, other)) for one in before[key] for other in after[key])
                if len(joined) > COMBINATIONS:
                    return joined
    for spread in (spread for spread in spreads if len(spread) > 1):
        joined.update(_cut(spread | {chain}, relevant) for chain in found if all(_fit(chain, taken) for taken in spread))
        if len(joined) > COMBINATIONS:
            break
    return joined


def _grouped(chains: Iterable[Chain], depth: int, relevant: set[str]) -> dict[Chain, set[Chain]]:
    found: dict[Chain, set[Chain]] = {}
    for chain in chains:
        found.setdefault(chain[:depth], set()).add(_shortened(chain, relevant))
    return found
