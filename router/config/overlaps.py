"""Directories of buckets that share files with one another, or with the state directory. Pure: paths are text, absolute and without links."""

from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple


class Overlap(NamedTuple):
    """What is amiss with the place of a bucket."""

    bucket: str
    how: Literal["same", "inside", "around state", "in state"]
    other: str = ""  # same, inside: as which bucket, or in which


def overlaps(places: Mapping[str, str], state: str) -> Iterator[Overlap]:
    """Every one of these buckets that shares its directory, lies in another's, or has to do with the *state* directory."""
    first: dict[str, str] = {}  # of several in one place, the first
    for name, here in places.items():
        first.setdefault(here, name)
    for name, here in places.items():
        if first[here] != name:
            yield Overlap(name, "same", first[here])
        outer = next((first[above] for above in _above(here) if above in first), "")
        if outer:
            yield Overlap(name, "inside", outer)
        if within(state, here):
            if first[here] == name:
                yield Overlap(name, "around state")
        elif within(here, state) and here != f"{state}/buckets/{name}":  # where those are that were made through the API
            yield Overlap(name, "in state")


def within(place: str, directory: str) -> bool:
    """Whether a place is this directory, or lies in it."""
    return place == directory or place.startswith(f"{directory.rstrip('/')}/")


def _above(place: str) -> Iterator[str]:
    """The directories above it, the nearest first. Text alone: every declaration asks of every bucket."""
    if place == "/":
        return
    while (end := place.rfind("/")) > 0:
        yield (place := place[:end])
    yield "/"
