"""CloudWatch's embedded metric format: what counts, and what is a line like any other."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.telemetry.emf import MOST, Metric, samples


def document(directive: dict[str, Any] | None = None, **members: Any) -> str:
    about = {"Namespace": "App", "Dimensions": [["service"]], "Metrics": [{"Name": "Orders", "Unit": "Count"}]}
    found = {"_aws": {"Timestamp": 1574109732004, "CloudWatchMetrics": [about | (directive or {})]}, "service": "shop", "Orders": 2}
    return json.dumps(found | members)


ONE = Metric("App", "Orders", "Count", (("service", "shop"),), (2,))


def test_a_document() -> None:
    assert samples(document()) == [ONE]
    assert samples(document({"Metrics": [{"Name": "Orders"}]})) == [ONE._replace(unit="None")]
    assert samples(document(Orders=[1, 2.5, -3])) == [ONE._replace(values=(1, 2.5, -3))]


def test_each_set_of_dimensions_and_each_directive() -> None:
    assert samples(document({"Dimensions": [["service"], []]})) == [ONE, ONE._replace(dimensions=())]
    assert samples(document({"Dimensions": []})) == [ONE._replace(dimensions=())]
    two = json.loads(document(Failed=1))
    two["_aws"]["CloudWatchMetrics"].append({"Namespace": "B", "Metrics": [{"Name": "Failed", "StorageResolution": 1}]})
    assert samples(json.dumps(two)) == [ONE, Metric("B", "Failed", "None", (), (1,))]


def test_behind_a_time_and_a_request_id() -> None:
    assert samples(f"2026-11-29T14:00:00.000Z\t01a22786\tINFO\t{document()}") == [ONE]


@pytest.mark.parametrize(
    "message",
    [
        "",
        "plain",
        '{"a": 1}',
        '"_aws"',
        '{"_aws"',
        '["_aws"]',
        '{"_aws": {}}',
        '{"_aws": []}',
        document() + "x",
        document({"Namespace": ""}),
        document({"Namespace": 3}),
        document({"Dimensions": ["service"]}),
        document({"Dimensions": [["nothing"]]}),
        document({"Dimensions": [["service"] * 31]}),
        document({"Dimensions": [[]] * 31}),
        document({"Metrics": {}}),
        document({"Metrics": [{}]}),
        document({"Metrics": [{"Name": "Orders"}] * 101}),
        document(Orders="2"),
        document(Orders=True),
        document(Orders=[]),
        document(Orders=[1] * 101),
        document(Orders=[1, None]),
        document(service=3),
        document(service="x" * 1025),
        document(Orders=None),
    ],
)
def test_what_is_none_is_a_line_like_any_other(message: str) -> None:
    assert samples(message) == []


def test_a_line_is_no_long_work() -> None:
    names = [f"m{n}" for n in range(20)]
    members = dict.fromkeys(names, [1.5] * 100)
    assert sum(len(one.values) for one in samples(document({"Metrics": [{"Name": name} for name in names]}, **members))) == MOST
    assert samples(document({"Metrics": [{"Name": name} for name in (*names, "Orders")]}, **members)) == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["Namespace", "Dimensions", "Metrics", "Name", "CloudWatchMetrics", "_aws", "Orders"]), inner, max_size=4
        )
    ),
    max_leaves=15,
)


@given(JSON, JSON)
def test_nothing_is_too_odd_to_be_looked_at(about: Any, value: Any) -> None:
    for one in samples(json.dumps({"_aws": about, "Orders": value})):
        assert one.namespace
        assert one.values
