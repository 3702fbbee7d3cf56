"""Buckets that a link leads astray: into the state directory, or to where another bucket is. Touches the disk, as links do.

A function may be able to put a link in the place of its bucket, or of where `after` moves to. To who asks whether a config is well that
is a mistake like any other; a daemon that starts on it would let a function decide whether it does. So it goes by the place that is
written: no link that is in the way of that is followed (router/buckets/roots.py), and that one bucket is detached."""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from router.config.node import Node
from router.config.overlaps import overlaps, within
from router.config.types import Bucket, Config

_Place = Callable[[Path, Path], str]  # a path as it is written, and the config's directory, to where it is with some links not followed


def kept_apart(config: Config, top: Node) -> Config:
    """*config* with the places of buckets as they are written where a link leads one astray; *top*: its form."""
    state, home = os.path.realpath(config.state), config.file.parent
    lies = {name: str(bucket.place) for name, bucket in config.buckets.items()}
    for written in _PLACES if _crossed(lies, state) else ():
        for name in sorted(_crossed(lies, state)):
            instead = lies | {name: written(config.buckets[name].path, home)}
            if name in _crossed(lies, state) and name not in _crossed(instead, state):
                lies = instead
    places = {name: replace(bucket, lies=Path(lies[name])) for name, bucket in config.buckets.items() if str(bucket.lies) != lies[name]}
    buckets = {**config.buckets, **places}
    goals = {name: _goal_apart(bucket, top, state, home) for name, bucket in buckets.items() if bucket.after == "move"}
    return replace(config, buckets=buckets | goals) if places or any(goals[name] is not buckets[name] for name in goals) else config


def led_astray(config: Config) -> Iterator[tuple[str, str, str]]:
    """Of a config that kept_apart() was asked for: name, place and where that leads of every bucket, or goal of one, that is behind a link."""
    for bucket in config.buckets.values():
        for place in (bucket.lies, bucket.goal if bucket.after == "move" else None):
            if place is not None and (real := os.path.realpath(place)) != str(place):
                yield bucket.name, str(place), real


def _crossed(places: Mapping[str, str], state: str) -> set[str]:
    """The buckets that have a part in an overlap."""
    return {name for one in overlaps(places, state) for name in (one.bucket, one.other) if name}


def _goal_apart(bucket: Bucket, top: Node, state: str, home: Path) -> Bucket:
    """The bucket with where it moves to as it is written, if only a link leads that into the bucket itself or the state directory."""
    goal, own = str(bucket.goal), str(bucket.lies)
    written = _written_goal(bucket, top)
    for place in (place(written, home) for place in _PLACES):
        if not _amiss(goal, own, state):
            break
        goal = goal if _amiss(place, own, state) else place
    return bucket if goal == str(bucket.goal) else replace(bucket, goal=Path(goal))


def _amiss(goal: str, own: str, state: str) -> bool:
    return within(goal, own) or within(goal, state)


def _written_goal(bucket: Bucket, top: Node) -> Path:
    node: Node | None = top
    for key in ("buckets", bucket.name, "after"):
        node = node.child(key) if node is not None else None
    return bucket.goal if node is None else node.file("move")


def _itself(path: Path, _: Path) -> str:
    """With the links above it followed: what is there itself may have been replaced."""
    return os.path.join(os.path.realpath(path.parent), path.name)  # noqa: PTH118 - of text


def _from_home(path: Path, home: Path) -> str:
    """With the links above the config's directory followed, which are nobody's but the operator's; elsewhere none."""
    return os.path.join(os.path.realpath(home), path.relative_to(home)) if path.is_relative_to(home) else str(path)  # noqa: PTH118 - of text


_PLACES: Final[tuple[_Place, ...]] = (_itself, _from_home)
