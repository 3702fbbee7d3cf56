"""A function as AWS describes it."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.api.aws.lambda_.documents import About, alias_document, configuration, listed, revision, stamp
from router.api.aws.lambda_.place import Place
from router.config.types import Alias, Destination, Function, Logging

PLACE = Place("us-east-1", "123456789012")
FUNCTION = Function("f", Path("/code"), "handler.handler", "python3.12", sha256="abc=", role="r")
ABOUT = About("python3.12", 332, 1764037614.0, environment=False)


def test_the_recorded_shape() -> None:
    """As recorded from AWS for a minimal function from a .zip, whose environment was an empty map."""
    found = configuration(FUNCTION, ABOUT._replace(environment=True), PLACE)
    assert list(found.pop("RuntimeVersionConfig")) == ["RuntimeVersionArn"]
    assert len(found.pop("RevisionId")) == 36
    assert found.pop("Architectures")[0] in {"x86_64", "arm64"}
    assert found == {
        "FunctionName": "f",
        "FunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:f",
        "Runtime": "python3.12",
        "Role": "arn:aws:iam::123456789012:role/r",
        "Handler": "handler.handler",
        "CodeSize": 332,
        "Description": "",
        "Timeout": 3,
        "MemorySize": 128,
        "LastModified": "2025-11-25T02:26:54.000+0000",
        "CodeSha256": "abc=",
        "Version": "$LATEST",
        "Environment": {"Variables": {}},
        "TracingConfig": {"Mode": "PassThrough"},
        "State": "Active",
        "LastUpdateStatus": "Successful",
        "PackageType": "Zip",
        "EphemeralStorage": {"Size": 512},
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": "/aws/lambda/f"},
    }


def test_what_is_there_only_when_it_is_configured() -> None:
    assert not {"Environment", "Layers", "DeadLetterConfig"} & configuration(FUNCTION, ABOUT, PLACE).keys()
    full = replace(FUNCTION, environment={"A": "1"}, dead_letter=Destination("queue", "dead"), logging=Logging("json"), version="7")
    found = configuration(full, ABOUT._replace(layers=[{"Arn": "x", "CodeSize": 1}]), PLACE, "7")
    assert found["Environment"] == {"Variables": {"A": "1"}}
    assert found["Layers"] == [{"Arn": "x", "CodeSize": 1}]
    assert found["DeadLetterConfig"] == {"TargetArn": "arn:aws:sqs:us-east-1:123456789012:dead"}
    assert found["LoggingConfig"]["SystemLogLevel"] == "INFO"
    assert (found["Version"], found["FunctionArn"][-4:]) == ("7", ":f:7")
    assert not {"State", "LastUpdateStatus", "RuntimeVersionConfig"} & listed(found).keys()


def test_aliases() -> None:
    found = alias_document("f", Alias("PROD", "1", "2", 0.1), PLACE, "about")
    assert found["RoutingConfig"] == {"AdditionalVersionWeights": {"2": 0.1}}
    assert found["AliasArn"].endswith(":function:f:PROD")
    plain = alias_document("f", Alias("PROD", "1"), PLACE)
    assert "RoutingConfig" not in plain
    assert plain["RevisionId"] != found["RevisionId"]


@pytest.mark.parametrize("change", [{"memory": 129}, {"sha256": "x"}, {"environment": {"A": "1"}}, {"role": "other"}])
def test_every_change_is_another_revision(change: dict[str, object]) -> None:
    changed = replace(FUNCTION, **change)  # type: ignore[arg-type]
    assert revision(changed) != revision(FUNCTION)
    assert revision(FUNCTION, "policy") != revision(FUNCTION)
    assert revision(replace(FUNCTION)) == revision(FUNCTION)
    assert revision(replace(FUNCTION, aliases={"live": Alias("live", "1")})) == revision(FUNCTION)


@given(st.floats(0, 4e9))
def test_times_have_milliseconds_and_a_zone(at: float) -> None:
    assert len(stamp(at)) == 28
    assert stamp(at).endswith("+0000")
