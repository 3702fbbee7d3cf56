"""What CreateFunction says, as config.yaml would say it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.api.aws.lambda_.place import Place
from router.api.aws.lambda_.settings import applied, architecture, destinations, refuse, role_of, settings
from router.api.aws.service import AwsError

PLACE = Place("us-east-1", "123456789012")
QUEUE = "arn:aws:sqs:us-east-1:123456789012:dead"


def said(members: dict[str, Any]) -> str:
    with pytest.raises(AwsError) as caught:
        settings(members, PLACE, None)
    assert caught.value.code == "InvalidParameterValueException"
    return str(caught.value)


def test_every_setting_has_its_key() -> None:
    members = {
        "Handler": "app.f",
        "Runtime": "python3.12",
        "Timeout": 9,
        "MemorySize": 256,
        "Environment": {"Variables": {"A": "1"}},
        "EphemeralStorage": {"Size": 1024},
        "LoggingConfig": {"LogFormat": "JSON", "ApplicationLogLevel": "DEBUG", "LogGroup": "/shop"},
        "SnapStart": {"ApplyOn": "PublishedVersions"},
        "DeadLetterConfig": {"TargetArn": QUEUE},
        "TracingConfig": {"Mode": "PassThrough"},
        "VpcConfig": {"SubnetIds": [], "SecurityGroupIds": []},
        "Architectures": [architecture()],
        "PackageType": "Zip",
    }
    assert applied({"code": "x"}, settings(members, PLACE, "r")) == {
        "code": "x",
        "role": "r",
        "handler": "app.f",
        "runtime": "python3.12",
        "timeout": 9,
        "memory": 256,
        "environment": {"A": "1"},
        "ephemeral_storage": 1024,
        "log_format": "json",
        "application_log_level": "DEBUG",
        "log_group": "/shop",
        "snap_start": True,
        "dead_letter": {"queue": "dead"},
    }


def test_an_update_speaks_of_what_it_names_and_takes_back_what_is_empty() -> None:
    before = {"code": "x", "timeout": 5, "dead_letter": {"queue": "dead"}, "snap_start": True}
    changes = settings({"DeadLetterConfig": {"TargetArn": ""}, "SnapStart": {"ApplyOn": "None"}, "Timeout": 6}, PLACE, None)
    assert applied(before, changes) == {"code": "x", "timeout": 6}


@pytest.mark.parametrize(
    ("members", "part"),
    [
        ({"VpcConfig": {"SubnetIds": ["s"]}}, "VpcConfig is not supported"),
        ({"KMSKeyArn": "arn:aws:kms:x"}, "KMSKeyArn is not supported"),
        ({"FileSystemConfigs": [{"Arn": "x"}]}, "FileSystemConfigs is not supported"),
        ({"PublishTo": "LATEST_PUBLISHED"}, "PublishTo is not supported"),
        ({"PackageType": "Image"}, "PackageType Image is not supported"),
        ({"Code": {"ImageUri": "x"}}, "PackageType Image is not supported"),
        ({"TracingConfig": {"Mode": "Active"}}, "TracingConfig Active is not supported"),
        ({"Architectures": ["sparc"]}, "this machine runs"),
        ({"DeadLetterConfig": {"TargetArn": "arn:aws:sns:us-east-1:123456789012:t"}}, "is no queue here"),
        ({"DeadLetterConfig": {"TargetArn": QUEUE.replace("us-east-1", "eu-west-1")}}, "is no queue here"),
        ({"Environment": {"Variables": {"AWS_REGION": "x", "B": "y"}}}, "Reserved keys used in this request: AWS_REGION"),
        ({"Environment": {"Variables": {"AWS_LAMBDA_X": "x"}}}, "Reserved keys used in this request: AWS_LAMBDA_X"),
        ({"Environment": {"Variables": {"A": "x" * 4096}}}, "exceeded the 4KB limit"),
    ],
)
def test_what_has_no_counterpart_is_refused(members: dict[str, Any], part: str) -> None:
    assert part in said(members)


def test_roles() -> None:
    assert role_of("arn:aws:iam::123456789012:role/worker", PLACE) == "worker"
    assert role_of("arn:aws:iam::123456789012:role/service-role/worker", PLACE) == "worker"
    with pytest.raises(AwsError, match="cannot be assumed by Lambda"):
        role_of("arn:aws:iam::210987654321:role/worker", PLACE)
    with pytest.raises(AwsError, match="no role of this account"):
        role_of("a:b:c:d:123456789012:mine/worker", PLACE)


def test_destinations_of_every_kind() -> None:
    function = "arn:aws:lambda:us-east-1:123456789012:function:g:PROD"
    config = {"OnSuccess": {"Destination": function}, "OnFailure": {"Destination": QUEUE}}
    assert destinations(config, PLACE) == {"on_success": {"function": "g"}, "on_failure": {"queue": "dead"}}
    assert destinations({"OnSuccess": {}, "OnFailure": {"Destination": ""}}, PLACE) == {}
    with pytest.raises(AwsError, match="is invalid"):
        destinations({"OnSuccess": {"Destination": "arn:aws:sqs:us-east-1:1:x"}}, PLACE)


@given(st.dictionaries(st.text(), st.text()))
def test_an_environment_is_taken_whole_or_refused(variables: dict[str, str]) -> None:
    try:
        found = settings({"Environment": {"Variables": variables}}, PLACE, None)
    except AwsError:
        return
    assert found == {"environment": variables}


@given(st.dictionaries(st.sampled_from(["VpcConfig", "KMSKeyArn", "ImageConfig"]), st.sampled_from([None, "", {}, {"A": []}, {"A": ""}])))
def test_what_says_nothing_is_not_refused(members: dict[str, Any]) -> None:
    refuse(members)
