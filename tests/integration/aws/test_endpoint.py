"""The AWS endpoint of a whole daemon, spoken to by boto3."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.helpers.endpoint import Cloud


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with Cloud(tmp_path_factory.mktemp("endpoint"), "").serving() as made:
        yield made


@pytest.fixture(scope="module")
def key(cloud: Cloud) -> dict[str, str]:
    return cloud.key()


def refused(ask: Any, **parameters: Any) -> tuple[int, str, str]:
    """Status, code and message of a refusal."""
    with pytest.raises(ClientError) as caught:
        ask(**parameters)
    answer: dict[str, Any] = caught.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"], answer["Error"]["Message"]


def test_who_am_i(cloud: Cloud, key: dict[str, str]) -> None:
    said = cloud.client("sts", key).get_caller_identity()
    assert (said["Account"], said["Arn"]) == ("123456789012", "arn:aws:iam::123456789012:user/ann")
    assert said["UserId"].startswith("AIDA")
    assert len(said["ResponseMetadata"]["RequestId"]) == 36


def test_who_is_not_believed_is_told_so_in_the_services_words(cloud: Cloud, key: dict[str, str]) -> None:
    wrong = key | {"SecretAccessKey": "x" * 40}
    assert refused(cloud.client("sts", wrong).get_caller_identity)[:2] == (403, "SignatureDoesNotMatch")
    nobody = {"AccessKeyId": "AKIAIOSFODNN7EXAMPLE", "SecretAccessKey": "x" * 40}
    assert refused(cloud.client("sts", nobody).get_caller_identity)[:2] == (403, "InvalidClientTokenId")
    elsewhere = cloud.client("sts", key, region="eu-central-1")
    assert refused(elsewhere.get_caller_identity)[1] == "SignatureDoesNotMatch"


def test_a_service_that_is_not_here_is_unknown(cloud: Cloud, key: dict[str, str]) -> None:
    assert refused(cloud.client("ec2", key).describe_regions)[:2] == (400, "InvalidAction")
    assert refused(cloud.client("kms", key).list_keys)[:2] == (400, "UnknownOperationException")
    assert refused(cloud.client("sts", key).get_federation_token, Name="me")[:2] == (501, "NotImplementedException")
