"""Models, compiled: operations by path, and what is left of a model."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.api.aws import models
from router.api.aws.models import Models
from tests.helpers.models import model


@pytest.mark.parametrize(
    ("method", "path", "operation", "labels"),
    [
        ("GET", "/2015-03-31/functions/", "ListFunctions", {}),
        ("GET", "/2015-03-31/functions", "ListFunctions", {}),
        ("POST", "/2015-03-31/functions", "CreateFunction", {}),
        ("GET", "/2015-03-31/functions/f", "GetFunction", {"FunctionName": "f"}),
        ("GET", "/2015-03-31/functions/arn%3Aaws/configuration", "GetFunctionConfiguration", {"FunctionName": "arn%3Aaws"}),
        ("POST", "/2015-03-31/functions/f/invocations", "Invoke", {"FunctionName": "f"}),
        ("PATCH", "/2015-03-31/functions/f", None, {}),
        ("GET", "/2015-03-31/functions//configuration", None, {}),
        ("GET", "/2015-03-31/functions/f/none", None, {}),
        ("GET", "", None, {}),
    ],
)
def test_an_operation_is_found_by_its_path(method: str, path: str, operation: str | None, labels: dict[str, str]) -> None:
    found = model("lambda").found(method, path)
    assert (found[0].name if found else None, found[1] if found else {}) == (operation, labels)


def test_operations_of_one_path_are_told_apart_by_their_query() -> None:
    found = model("lambda").found("GET", "/2018-10-31/layers", "find=LayerVersion&Arn=x")
    assert found is not None
    assert found[0].name == "GetLayerVersionByArn"
    found = model("lambda").found("GET", "/2018-10-31/layers", "Marker=x")
    assert found is not None
    assert found[0].name == "ListLayers"


@given(st.sampled_from(["GET", "POST", "PUT", "DELETE"]), st.text("/a%{}+.", max_size=30))
def test_any_path_is_one_operation_or_none(method: str, path: str) -> None:
    model("lambda").found(method, path)


async def test_models_are_read_once() -> None:
    known = Models()
    assert known.known("sts") is None
    found = await known.get("sts")
    assert known.known("sts") is found is await known.get("sts")
    with pytest.raises(FileNotFoundError, match="no model of nothing"):
        models.load("nothing")
