"""PutMetricData of a whole daemon, spoken to by boto3 in each of the protocols that the service has."""

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from prometheus_client.parser import text_string_to_metric_families

from tests.helpers.endpoint import Cloud
from tests.helpers.house import free_port


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    console = free_port()
    made = Cloud(tmp_path_factory.mktemp("cloud"), "")
    made.config.write_text(made.config.read_text().replace("console: off", f'console: "127.0.0.1:{console}"'))
    made.console = console  # type: ignore[attr-defined]
    with made.serving():
        yield made


@pytest.fixture(scope="module")
def cloudwatch(cloud: Cloud, key: dict[str, str]) -> Any:
    return cloud.client("cloudwatch", key)


def shown(cloud: Cloud, name: str) -> dict[str, float]:
    connection = http.client.HTTPConnection("127.0.0.1", cloud.console, timeout=10)  # type: ignore[attr-defined]
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    families = {family.name: family for family in text_string_to_metric_families(text)}
    return {sample.name.removeprefix(f"{name}_"): sample.value for sample in families[name].samples} if name in families else {}


def test_values_are_shown_beside_our_own(cloud: Cloud, cloudwatch: Any) -> None:
    data = [{"MetricName": "Orders", "Dimensions": [{"Name": "Shop", "Value": "one"}], "Value": 3.5, "Unit": "Count"}]
    assert cloudwatch.put_metric_data(Namespace="Plain", MetricData=data)["ResponseMetadata"]["HTTPStatusCode"] == 200
    cloudwatch.put_metric_data(Namespace="Plain", MetricData=data)
    assert shown(cloud, "plain_orders") == {"sum": 7, "count": 2}


def test_a_large_request_which_sdks_compress(cloud: Cloud, cloudwatch: Any) -> None:
    sent = []
    cloudwatch.meta.events.register(
        "before-send.cloudwatch.PutMetricData", lambda request, **_: sent.append(request.headers.get("Content-Encoding"))
    )
    cloudwatch.put_metric_data(Namespace="Large", MetricData=[{"MetricName": "Orders", "Values": [1.0] * 150} for _ in range(300)])
    assert [one.decode() if isinstance(one, bytes) else one for one in sent] == ["gzip"]
    assert shown(cloud, "large_orders") == {"sum": 45_000, "count": 45_000}


def test_refusals_are_told_by_their_codes(cloudwatch: Any) -> None:
    with pytest.raises(ClientError) as caught:
        cloudwatch.put_metric_data(Namespace="N", MetricData=[{"MetricName": "m", "Value": 1.5, "Values": [1.0]}])
    assert caught.value.response["Error"]["Code"] == "InvalidParameterCombination"
    with pytest.raises(ClientError) as caught:
        cloudwatch.list_metrics()
    assert caught.value.response["Error"]["Code"] == "NotImplementedException"


def test_who_may_is_said_by_the_namespace(cloud: Cloud, tmp_path: Path) -> None:
    statement = {
        "Effect": "Allow",
        "Action": "cloudwatch:PutMetricData",
        "Resource": "*",
        "Condition": {"StringEquals": {"cloudwatch:namespace": "Mine"}},
    }
    policy = tmp_path / "policy.json"
    policy.write_text(json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    client = cloud.client("cloudwatch", cloud.router("keys", "create", "bob", "--policy", str(policy)))
    client.put_metric_data(Namespace="Mine", MetricData=[{"MetricName": "m", "Value": 1}])
    with pytest.raises(ClientError) as caught:
        client.put_metric_data(Namespace="Other", MetricData=[{"MetricName": "m", "Value": 1}])
    error = caught.value.response["Error"]
    assert error["Code"] == "AccessDenied"
    assert "is not authorized to perform: cloudwatch:PutMetricData" in error["Message"]


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (
            {"X-Amz-Target": "GraniteServiceVersion20100801.PutMetricData", "Content-Type": "application/x-amz-json-1.0"},
            json.dumps({"Namespace": "Older", "MetricData": [{"MetricName": "m", "Values": [1, 2]}]}),
        ),
        (
            {"Content-Type": "application/x-www-form-urlencoded"},
            (
                "Action=PutMetricData&Version=2010-08-01&Namespace=Older&MetricData.member.1.MetricName=m"
                "&MetricData.member.1.Values.member.1=1&MetricData.member.1.Values.member.2=2"
            ),
        ),
    ],
    ids=["json", "query"],
)
def test_what_older_sdks_speak(cloud: Cloud, key: dict[str, str], headers: dict[str, str], body: str) -> None:
    before = shown(cloud, "older_m").get("sum", 0)
    request = AWSRequest("POST", f"{cloud.url}/", headers=headers, data=body.encode())
    SigV4Auth(Credentials(key["AccessKeyId"], key["SecretAccessKey"]), "monitoring", "us-east-1").add_auth(request)
    connection = http.client.HTTPConnection("127.0.0.1", cloud.port, timeout=10)
    connection.request("POST", "/", body.encode(), dict(request.headers))
    answer = connection.getresponse()
    assert answer.status == 200, answer.read()
    connection.close()
    assert shown(cloud, "older_m")["sum"] == before + 3
