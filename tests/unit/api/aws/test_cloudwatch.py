"""CloudWatch: what PutMetricData takes, and what it refuses in AWS's words."""

from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from router.api.aws.cloudwatch import Cloudwatch
from router.api.aws.service import AwsError, Call, Need
from router.iam.callers import Caller
from router.iam.evaluation import Policies
from router.iam.principals import user
from router.telemetry.measured import Measured
from router.telemetry.metrics import Metrics

ANN = Caller(user("123456789012", "ann"), "AKIAX", Policies())
STATISTICS = {"SampleCount": 10, "Sum": 55, "Minimum": 1, "Maximum": 10}


class Desk:
    """CloudWatch, and what is shown of it."""

    def __init__(self) -> None:
        self.metrics = Metrics()
        self.service = Cloudwatch(Measured(self.metrics))

    async def put(self, *data: dict[str, Any], namespace: str = "App", **more: Any) -> Any:
        parameters = {"Namespace": namespace, "MetricData": [{"MetricName": "Orders", **one} for one in data], **more}
        return await self.service.operations["PutMetricData"].run(Call("cloudwatch", "PutMetricData", parameters, ANN, "id"))

    async def refused(self, *data: dict[str, Any], **more: Any) -> tuple[str, str]:
        with pytest.raises(AwsError) as caught:
            await self.put(*data, **more)
        assert self.shown() == {}, "all of it, or nothing"
        return caught.value.code, str(caught.value)

    def shown(self) -> dict[str, float]:
        families = text_string_to_metric_families(self.metrics.exposition())
        return {
            sample.name + str(sample.labels or ""): sample.value
            for family in families
            for sample in family.samples
            if not sample.name.startswith("router_")
        }


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.mark.parametrize(
    ("given", "total", "count"),
    [
        ({"Value": 2.5}, 2.5, 1),
        ({"Value": 0}, 0, 1),
        ({"Values": [1, 10]}, 11, 2),
        ({"Values": [1, 10], "Counts": [3, 0.5]}, 8, 3.5),
        ({"StatisticValues": STATISTICS}, 55, 10),
        ({"StatisticValues": STATISTICS, "Values": [1, 10]}, 55, 10),
        ({"Value": 1, "Unit": "Kilobytes/Second", "StorageResolution": 1, "Timestamp": 0.0}, 1, 1),
    ],
    ids=str,
)
async def test_values_are_shown(desk: Desk, given: dict[str, Any], total: float, count: float) -> None:
    assert await desk.put(given) == {}
    assert desk.shown() == {"app_orders_sum": total, "app_orders_count": count}


async def test_dimensions_are_labels(desk: Desk) -> None:
    await desk.put({"Value": 1, "Dimensions": [{"Name": "Service", "Value": "shop"}]}, {"Value": 2})
    assert desk.shown() == {
        "app_orders_sum{'service': 'shop'}": 1,
        "app_orders_count{'service': 'shop'}": 1,
        "app_orders_sum": 2,
        "app_orders_count": 1,
    }


ONE = "MetricData.member.1"


@pytest.mark.parametrize(
    ("given", "code", "told"),
    [
        (
            {"Value": 1.5, "Values": [1.0]},
            "InvalidParameterCombination",
            f"The parameters {ONE}.Value and {ONE}.Values are mutually exclusive and you have specified both.",
        ),
        (
            {"Value": 1.5, "StatisticValues": STATISTICS},
            "InvalidParameterCombination",
            f"The parameters {ONE}.Value and {ONE}.StatisticValues are mutually exclusive and you have specified both.",
        ),
        (
            {"Values": [1, 2], "Counts": [1]},
            "InvalidParameterValue",
            f"The parameters {ONE}.Values and {ONE}.Counts must be of the same size.",
        ),
        ({"Values": [1] * 151}, "InvalidParameterValue", f"The collection {ONE}.Values must not have a size greater than 150."),
        (
            {"Value": 1, "Dimensions": [{"Name": "a", "Value": "b"}] * 31},
            "InvalidParameterValue",
            f"The collection {ONE}.Dimensions must not have a size greater than 30.",
        ),
        ({}, "MissingParameter", f"The parameter {ONE}.Value is required."),
        ({"Value": float("nan")}, "InvalidParameterValue", f"The value nan for parameter {ONE}.Value is invalid."),
        ({"Values": [float("inf")]}, "InvalidParameterValue", f"The value inf for parameter {ONE}.Values.member.1 is invalid."),
        ({"Values": [1], "Counts": [-1]}, "InvalidParameterValue", f"The value -1.0 for parameter {ONE}.Counts.member.1 is invalid."),
        (
            {"Value": 1, "MetricName": ""},
            "InvalidParameterValue",
            f"The parameter {ONE}.MetricName must be between 1 and 255 characters long.",
        ),
    ],
    ids=str,
)
async def test_what_is_refused(desk: Desk, given: dict[str, Any], code: str, told: str) -> None:
    assert await desk.refused(given) == (code, told)


async def test_what_is_refused_of_the_whole(desk: Desk) -> None:
    good = {"Value": 1}
    assert (await desk.refused(good, {"Value": 1, "Unit": "Furlongs"}))[1].startswith(
        "The parameter MetricData.member.2.Unit must be a value in"
    )
    assert await desk.refused(good, namespace="AWS/Lambda") == (
        "InvalidParameterValue",
        "The value AWS/Lambda for parameter Namespace is invalid.",
    )
    assert await desk.refused(*[good] * 1001) == (
        "InvalidParameterValue",
        "The collection MetricData must not have a size greater than 1000.",
    )
    assert await desk.refused() == ("MissingParameter", "The parameter MetricData is required.")
    assert (await desk.refused(good, EntityMetricData=[{}]))[0] == "InvalidParameterValue"


async def test_every_unit_of_the_model_is_taken(desk: Desk) -> None:
    from botocore.session import get_session

    units = get_session().get_service_model("cloudwatch").shape_for("StandardUnit").enum
    await desk.put(*({"Value": 1, "Unit": unit} for unit in units))
    assert desk.shown()["app_orders_count"] == len(units)


def test_a_policy_may_speak_of_the_namespace(desk: Desk) -> None:
    call = Call("cloudwatch", "PutMetricData", {"Namespace": "App"}, ANN, "id")
    assert desk.service.operations["PutMetricData"].needs(call) == [
        Need("cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": ("App",)})
    ]
    assert desk.service.policy("*") is None
