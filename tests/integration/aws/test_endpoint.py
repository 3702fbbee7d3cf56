"""The AWS endpoint of a whole daemon, spoken to by boto3."""

import socket
import time
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from botocore.exceptions import ClientError

from router.api.aws.query import FORM
from tests.helpers.endpoint import Cloud

ROLE = "arn:aws:iam::123456789012:role/reader"
CONFIG = """
roles:
  reader: {policy: [{Effect: Allow, Action: "s3:GetObject", Resource: "*"}]}
  guest:
    policy: [{Effect: Allow, Action: "s3:GetObject", Resource: "*"}]
    trust: [{Effect: Allow, Principal: {AWS: "arn:aws:iam::123456789012:user/ann"}, Action: "sts:AssumeRole", Condition: {StringEquals: {"sts:ExternalId": agreed}}}]
"""
WRITER = """
  writer: {policy: [{Effect: Allow, Action: "s3:GetObject", Resource: "*"}]}
"""


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


def test_a_role_is_assumed_and_its_sessions_are_bounded(cloud: Cloud, key: dict[str, str]) -> None:
    made = cloud.client("sts", key).assume_role(RoleArn=ROLE, RoleSessionName="job", DurationSeconds=900)["Credentials"]
    session = cloud.client("sts", made)
    assert session.get_caller_identity()["Arn"] == "arn:aws:sts::123456789012:assumed-role/reader/job"
    said = refused(session.assume_role, RoleArn=ROLE, RoleSessionName="more")
    assert said[:2] == (403, "AccessDenied")
    assert said[2] == (
        "User: arn:aws:sts::123456789012:assumed-role/reader/job is not authorized to perform: sts:AssumeRole on resource: "
        f"{ROLE} because no identity-based policy allows the sts:AssumeRole action"
    )
    holder = cloud.client("sts", cloud.client("sts", key).get_session_token()["Credentials"])
    assert holder.get_caller_identity()["Arn"] == "arn:aws:iam::123456789012:user/ann"
    spoilt = made | {"SessionToken": made["SessionToken"][:-1] + ("A" if made["SessionToken"][-1] != "A" else "B")}
    assert refused(cloud.client("sts", spoilt).get_caller_identity)[:2] == (403, "InvalidClientTokenId")


def test_roles_are_taken_up_by_a_reload(cloud: Cloud, key: dict[str, str]) -> None:
    sts = cloud.client("sts", key)
    other = ROLE.replace("reader", "writer")
    assert refused(sts.assume_role, RoleArn=other, RoleSessionName="job")[1] == "AccessDenied"
    cloud.config.write_text(cloud.config.read_text() + WRITER)
    cloud.router("reload")
    made = sts.assume_role(RoleArn=other, RoleSessionName="job")["Credentials"]
    assert refused(cloud.client("sts", made).assume_role, RoleArn=ROLE, RoleSessionName="job")[1] == "AccessDenied"
    cloud.config.write_text(cloud.config.read_text().replace("s3:GetObject", "sts:AssumeRole"))
    cloud.router("reload")
    assert cloud.client("sts", made).assume_role(RoleArn=ROLE, RoleSessionName="job")["AssumedRoleUser"]


def test_what_is_required_and_of_which_type(cloud: Cloud, key: dict[str, str]) -> None:
    sts = cloud.client("sts", key, parameter_validation=False)
    said = refused(sts.assume_role, RoleArn=ROLE)
    assert said == (
        400,
        "ValidationError",
        "1 validation error detected: Value null at 'roleSessionName' failed to satisfy constraint: Member must not be null",
    )
    said = refused(sts.assume_role, RoleArn=ROLE, RoleSessionName="job", DurationSeconds="soon")
    assert said == (400, "MalformedInput", "'soon' can not be converted to a number")


@pytest.mark.parametrize(
    "form", ["Action=GetCallerIdentity&Version=2011-06-15", "Action=ListQueues&Version=2012-11-05", "Action=ListQueues"]
)
def test_who_does_not_sign_a_form_is_told_so_in_its_protocol(cloud: Cloud, form: str) -> None:
    """The form comes after its head, as most clients send it."""
    head = f"POST / HTTP/1.1\r\nHost: h\r\nContent-Type: {FORM}\r\nContent-Length: {len(form)}\r\nConnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", cloud.port), timeout=20) as client:
        client.sendall(head.encode())
        time.sleep(0.2)  # nothing can be asked for that says when the head was read
        client.sendall(form.encode())
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    said, _, body = answer.partition(b"\r\n\r\n")
    assert said.startswith(b"HTTP/1.1 403 ")
    error = ET.fromstring(body)
    assert error.tag.rpartition("}")[2] == "ErrorResponse"
    assert [one.text for one in error.iter() if one.tag.endswith("Code")] == ["MissingAuthenticationToken"]


def test_what_is_too_large_is_refused_by_its_head_in_the_services_words(cloud: Cloud, key: dict[str, str]) -> None:
    invoked = refused(cloud.client("lambda", key).invoke, FunctionName="f", Payload=b" " * (8 << 20))
    assert invoked == (413, "RequestTooLargeException", "Request must be smaller than 6291456 bytes for the InvokeFunction operation")
    attributes = {"n": {"DataType": "Binary", "BinaryValue": b"x" * (5 << 20)}}
    sent = refused(
        cloud.client("sqs", key).send_message, QueueUrl=f"{cloud.url}/123456789012/q", MessageBody="x", MessageAttributes=attributes
    )
    assert sent[:2] == (413, "RequestEntityTooLargeException")
    assert refused(cloud.client("sns", key).publish, TopicArn="arn:aws:sns:us-east-1:123456789012:t", Message="x" * (5 << 20))[:2] == (
        413,
        "RequestEntityTooLarge",
    )


def test_a_role_with_a_trust_is_assumed_by_who_is_named_there(cloud: Cloud, key: dict[str, str]) -> None:
    guest = {"RoleArn": ROLE.replace("reader", "guest"), "RoleSessionName": "job"}
    ann, bob = cloud.client("sts", key), cloud.client("sts", cloud.key("bob"))
    made = ann.assume_role(**guest, ExternalId="agreed")["Credentials"]
    assert cloud.client("sts", made).get_caller_identity()["Arn"].endswith(":assumed-role/guest/job")
    for client, external in ((ann, {}), (ann, {"ExternalId": "guessed"}), (bob, {"ExternalId": "agreed"})):
        status, code, told = refused(client.assume_role, **guest, **external)
        assert (status, code) == (403, "AccessDenied")
        assert told.endswith(" because no role trust policy allows the sts:AssumeRole action")
