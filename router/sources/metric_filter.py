"""`metric_filters:` in config.yaml: what of a log group's events is counted, and shown at /metrics.

Source: CloudWatch Logs API reference, PutMetricFilter, MetricTransformation; user guide, "Publishing numerical values found in log entries"."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import TYPE_CHECKING, Any, Final

from router.config.types import Surroundings
from router.names import LOG_GROUP

if TYPE_CHECKING:
    from router.config.node import Node

NAME: Final = r"[^:*]{1,512}"
DIMENSIONS: Final = 3  # AWS's limit
_WORD: Final = r"[^:*$]{1,255}"
_KNOWN: Final = ("group", "filter_pattern", "namespace", "metric", "value", "unit", "dimensions")


@dataclass(frozen=True, slots=True)
class MetricFilter:
    """One filter."""

    name: str
    group: str
    pattern: str
    namespace: str
    metric: str
    value: str = "1"  # a number, or where one stands: $.a.b, or $column
    unit: str = "None"
    dimensions: Mapping[str, str] = field(default_factory=dict)  # name → where its value stands


def metric_filters(node: "Node", around: Surroundings) -> dict[str, MetricFilter]:  # noqa: ARG001 - as all sections
    """The value under `metric_filters`."""

    def read(name: str, child: "Node") -> MetricFilter:
        if not re.fullmatch(NAME, name):
            node.misnamed(name, "a metric filter's name is 1 to 512 characters, none of them : or *")
        return _filter(name, child)

    return node.each(read)


def _filter(name: str, node: "Node") -> MetricFilter:
    form = node.form(known=_KNOWN)
    found = MetricFilter(
        name,
        form.text("group", pattern=LOG_GROUP, what="a log group's name: letters, digits and . - _ / #"),
        form.text("filter_pattern", ""),
        form.text("namespace", pattern=_WORD, what="1 to 255 characters, none of them : * or $"),
        form.text("metric", pattern=_WORD, what="1 to 255 characters, none of them : * or $"),
        form.text("value", "1"),
        form.text("unit", "None"),
        _dimensions(form.child("dimensions")),
    )
    if wrong := _wrong(found):
        form.problem(wrong[1], wrong[0])
    return found


def _dimensions(node: "Node | None") -> dict[str, str]:
    if node is None:
        return {}
    names = node.keys()
    form = node.form(known=names)
    if len(names) > DIMENSIONS:
        form.problem(f"a metric filter has {DIMENSIONS} dimensions at most")
    return {name: form.text(name) for name in names}


def _wrong(found: MetricFilter) -> tuple[str, str] | None:
    """The key that is wrong, and why."""
    from router.events.log_conditions import BadPattern  # noqa: PLC0415 - few configs have a pattern
    from router.events.log_patterns import LogPattern  # noqa: PLC0415 - as above

    key = "filter_pattern"
    try:
        pattern = LogPattern.of(found.pattern)
        key = "value"
        if number(found.value) is None:
            pattern.selected(found.value)
        key = "dimensions"
        for selector in found.dimensions.values():
            pattern.selected(selector)
    except BadPattern as error:
        return key, str(error)
    return None


def number(value: Any) -> float | None:
    """A number, also one that is written as text; None: it is none."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        found = float(value)
    except ValueError:
        return None
    return found if isfinite(found) else None
