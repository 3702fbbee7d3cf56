"""CloudWatch: PutMetricData, whose values are shown at /metrics beside those that functions write into their logs.

Sources: CloudWatch API reference, PutMetricData; messages as recorded of AWS where they are known."""

from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from typing import Any, ClassVar, Final

from router.api.aws.service import AwsError, Call, Members, Need, Operation
from router.iam.policy import Policy
from router.telemetry.emf import Metric
from router.telemetry.measured import Measured

MOST: Final = 1000  # metrics of one request
VALUES: Final = 150  # of one metric
DIMENSIONS: Final = 30  # likewise
_MANY: Final = [f"{size}{what}".capitalize() for size in ("", "kilo", "mega", "giga", "tera") for what in ("bytes", "bits")]
_UNITS: Final = (
    "Seconds",
    "Microseconds",
    "Milliseconds",
    "Percent",
    "None",
    *_MANY,
    "Count",
    *(f"{each}/Second" for each in (*_MANY, "Count")),
)


class Cloudwatch:
    """See service.Service."""

    name: ClassVar[str] = "cloudwatch"

    def __init__(self, measured: Measured) -> None:
        self._measured = measured
        self._operations = {"PutMetricData": Operation(self._put, _putting)}

    @property
    def operations(self) -> Mapping[str, Operation]:
        """What is done here."""
        return self._operations

    def policy(self, resource: str) -> Policy | None:  # noqa: ARG002 - as all services
        """Metrics have none."""
        return None

    async def _put(self, call: Call) -> Members:
        """PutMetricData: all of it, or nothing."""
        asked = call.parameters
        if asked.get("EntityMetricData"):
            raise _wrong("EntityMetricData is not taken here: there are no entities")
        namespace = _sized("Namespace", asked["Namespace"], 255)
        if namespace.startswith(("AWS/", ":")):
            raise _wrong(f"The value {namespace} for parameter Namespace is invalid.")
        data: Sequence[Members] = asked.get("MetricData") or ()
        if not data:
            raise AwsError("MissingParameter", "The parameter MetricData is required.")
        _at_most("MetricData", data, MOST)
        for metric, total, count in [_read(f"MetricData.member.{place}", namespace, one) for place, one in enumerate(data, 1)]:
            self._measured.add(metric, total, count)
        return {}


def _putting(call: Call) -> Sequence[Need]:
    return [Need("cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": (str(call.parameters["Namespace"]),)})]


def _read(place: str, namespace: str, given: Members) -> tuple[Metric, float, float]:
    """One metric, what its values come to, and how many they are. Raises AwsError."""
    name = _sized(f"{place}.MetricName", given["MetricName"], 255)
    dimensions: Sequence[Members] = given.get("Dimensions") or ()
    _at_most(f"{place}.Dimensions", dimensions, DIMENSIONS)
    named = tuple(_dimension(f"{place}.Dimensions.member.{number}", one) for number, one in enumerate(dimensions, 1))
    unit = str(given.get("Unit") or "None")
    if unit not in _UNITS:
        raise _wrong(f"The parameter {place}.Unit must be a value in the set [ {', '.join(_UNITS)} ].")
    return Metric(namespace, name, unit, named), *_values(place, given)


def _dimension(place: str, given: Members) -> tuple[str, str]:
    return _sized(f"{place}.Name", given["Name"], 255), _sized(f"{place}.Value", given["Value"], 1024)


def _values(place: str, given: Members) -> tuple[float, float]:
    """Sum and count. Values beside StatisticValues are taken, as AWS takes them: the latter count."""
    value, values, statistics = given.get("Value"), given.get("Values") or (), given.get("StatisticValues")
    for other, there in (("Values", bool(values)), ("StatisticValues", statistics is not None)):
        if value is not None and there:
            told = f"The parameters {place}.Value and {place}.{other} are mutually exclusive and you have specified both."
            raise AwsError("InvalidParameterCombination", told)
    if statistics is not None:
        numbers = {key: _finite(f"{place}.StatisticValues.{key}", statistics[key]) for key in ("SampleCount", "Sum", "Minimum", "Maximum")}
        return numbers["Sum"], numbers["SampleCount"]
    if value is not None:
        return _finite(f"{place}.Value", value), 1
    return _counted(place, values, given.get("Counts") or ())


def _counted(place: str, values: Sequence[Any], counts: Sequence[Any]) -> tuple[float, float]:
    if not values:
        raise AwsError("MissingParameter", f"The parameter {place}.Value is required.")
    _at_most(f"{place}.Values", values, VALUES)
    if counts and len(counts) != len(values):
        raise _wrong(f"The parameters {place}.Values and {place}.Counts must be of the same size.")
    pairs = list(_pairs(place, values, counts))
    return sum(value * count for value, count in pairs), sum(count for _, count in pairs)


def _pairs(place: str, values: Sequence[Any], counts: Sequence[Any]) -> Iterator[tuple[float, float]]:
    for number, value in enumerate(values, 1):
        count = _finite(f"{place}.Counts.member.{number}", counts[number - 1]) if counts else 1.0
        if count < 0:
            raise _wrong(f"The value {count} for parameter {place}.Counts.member.{number} is invalid.")
        yield _finite(f"{place}.Values.member.{number}", value), count


def _finite(place: str, value: Any) -> float:
    if not isfinite(value):
        raise _wrong(f"The value {value} for parameter {place} is invalid.")
    return float(value)


def _sized(place: str, text: str, most: int) -> str:
    if not 0 < len(text) <= most:
        raise _wrong(f"The parameter {place} must be between 1 and {most} characters long.")
    return text


def _at_most(place: str, values: Sequence[Any], most: int) -> None:
    if len(values) > most:
        raise _wrong(f"The collection {place} must not have a size greater than {most}.")


def _wrong(told: str) -> AwsError:
    return AwsError("InvalidParameterValue", told)
