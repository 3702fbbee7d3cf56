"""Metrics that functions write into their logs in CloudWatch's embedded metric format. Pure.

Source: CloudWatch user guide, "Specification: embedded metric format". What does not follow it is a line of a log like any other."""

from collections.abc import Iterator
from math import isfinite
from typing import Any, Final, NamedTuple

import orjson

MARK: Final = '"_aws"'  # in every document; what has none need not be read
LONGEST: Final = 1024  # characters of a namespace, a metric's name and what a dimension is
VALUES: Final = 100  # of one metric in one document
METRICS: Final = 100  # of one directive
DIMENSIONS: Final = 30  # in one set
SETS: Final = 30  # of one directive
MOST: Final = 2000  # values of one document, counted once for each set of dimensions: a line is no long work for who counts them


class Metric(NamedTuple):
    """One metric under one set of dimensions, and values of it."""

    namespace: str
    name: str
    unit: str
    dimensions: tuple[tuple[str, str], ...]
    values: tuple[float, ...] = ()


def samples(message: str) -> list[Metric]:
    """Those of a log event: of the document that it is, or that stands behind a time and a request id; [] when there is none."""
    start = message.find("{")
    if start < 0 or MARK not in message:
        return []
    try:
        document = orjson.loads(message[start:])
        return list(_samples(document))
    except (ValueError, _Strange):
        return []


class _Strange(Exception):
    """A document that is not as the specification has it: none of its metrics counts."""


def _samples(document: dict[str, Any]) -> Iterator[Metric]:
    left = MOST
    for directive in _list(_mapping(document.get("_aws")).get("CloudWatchMetrics")):
        asked = _mapping(directive)
        namespace, sets = _text(asked.get("Namespace")), _list(asked.get("Dimensions", [[]]))
        metrics = _list(asked.get("Metrics"))
        if len(sets) > SETS or len(metrics) > METRICS:
            raise _Strange
        dimensions = [tuple((_text(name), _text(document.get(name))) for name in _dimensions(one)) for one in sets or [[]]]
        for metric in map(_mapping, metrics):
            name = _text(metric.get("Name"))
            values = _values(document.get(name))
            left -= len(values) * len(dimensions)
            if left < 0:
                raise _Strange
            for each in dimensions:
                yield Metric(namespace, name, str(metric.get("Unit", "None")), each, values)


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _Strange
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise _Strange
    return value


def _dimensions(value: Any) -> list[Any]:
    found = _list(value)
    if len(found) > DIMENSIONS:
        raise _Strange
    return found


def _text(value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST:
        raise _Strange
    return value


def _values(value: Any) -> tuple[float, ...]:
    """A number, or some."""
    listed = value if isinstance(value, list) else [value]
    if not 0 < len(listed) <= VALUES or not all(
        isinstance(one, int | float) and not isinstance(one, bool) and isfinite(one) for one in listed
    ):
        raise _Strange
    return tuple(listed)
