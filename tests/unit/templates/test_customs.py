"""CDK's custom resources of buckets and log groups, and policies of buckets."""

import json
from typing import Any

import pytest

from router.templates.translate import Options, translate
from router.templates.words import DIFFERS, REFUSED, RUNS, Translation

INBOX = {"Type": "AWS::S3::Bucket"}
FN = {"Type": "AWS::Serverless::Function", "Properties": {"Runtime": "python3.11", "Handler": "a.b", "CodeUri": "src/"}}
HANDLER = {"Type": "AWS::Lambda::Function", "Properties": {"Role": {"Fn::GetAtt": ["HandlerRole", "Arn"]}}}
ROLE = {"Type": "AWS::IAM::Role", "Properties": {}}
INSECURE = {"Bool": {"aws:SecureTransport": "false"}}


def template(**resources: Any) -> Translation:
    return translate(json.dumps({"Resources": resources}), Options())


def row(found: Translation, resource: str) -> tuple[str, str]:
    return next((row.verdict, " ".join(row.notes)) for row in found.rows if row.resource == resource)


def custom(type_: str, **properties: Any) -> dict[str, Any]:
    return {"Type": f"Custom::{type_}", "Properties": {"ServiceToken": {"Fn::GetAtt": ["Handler", "Arn"]}, **properties}}


def notifications(**configuration: Any) -> Translation:
    told = custom("S3BucketNotifications", BucketName={"Ref": "Inbox"}, NotificationConfiguration=configuration, Managed=True)
    jobs = {"Type": "AWS::SQS::Queue"}
    return template(Inbox=INBOX, Fn=FN, Jobs=jobs, News={"Type": "AWS::SNS::Topic"}, Handler=HANDLER, HandlerRole=ROLE, Told=told)


def filtered(**rules: str) -> dict[str, Any]:
    return {"Key": {"FilterRules": [{"Name": name, "Value": value} for name, value in rules.items()]}}


def test_notifications_in_the_words_of_the_api() -> None:
    found = notifications(
        LambdaFunctionConfigurations=[
            {
                "Id": "x",
                "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"],
                "LambdaFunctionArn": {"Fn::GetAtt": ["Fn", "Arn"]},
                "Filter": filtered(suffix=".csv", prefix="in/"),
            }
        ],
        QueueConfigurations=[{"Events": ["s3:ObjectRemoved:*"], "QueueArn": {"Fn::GetAtt": ["Jobs", "Arn"]}}],
        TopicConfigurations=[{"Events": ["s3:ObjectCreated:Put"], "TopicArn": {"Ref": "News"}}],
        EventBridgeConfiguration={},
    )
    events = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]
    assert found.config["functions"]["Fn"]["triggers"] == [{"s3": {"bucket": "inbox", "events": events, "suffix": ".csv", "prefix": "in/"}}]
    assert found.config["notifications"] == {
        "Told-QueueConfigurations-0": {"bucket": "inbox", "events": "s3:ObjectRemoved:*", "queue": "Jobs"},
        "Told-TopicConfigurations-0": {"bucket": "inbox", "events": "s3:ObjectCreated:Put", "topic": "News"},
    }
    assert found.config["buckets"] == {"inbox": {"path": "./data/inbox", "eventbridge": True}}
    assert row(found, "Told") == (RUNS, "")
    assert "Handler" not in found.config["functions"]


@pytest.mark.parametrize(
    ("configuration", "why"),
    [
        ({"LambdaFunctionConfigurations": [{"LambdaFunctionArn": {"Fn::GetAtt": ["Fn", "Arn"]}}]}, "Events is required"),
        ({"LambdaFunctionConfigurations": [{"Events": ["s3:ObjectCreated:*"], "Function": "x"}]}, "LambdaFunctionArn is required"),
        (
            {"LambdaFunctionConfigurations": [{"Events": ["s3:Replication:*"], "LambdaFunctionArn": {"Fn::GetAtt": ["Fn", "Arn"]}}]},
            "nothing here",
        ),
    ],
    ids=str,
)
def test_notifications_that_are_refused(configuration: dict[str, Any], why: str) -> None:
    verdict, said = row(notifications(**configuration), "Told.LambdaFunctionConfigurations[0]")
    assert (verdict, why in said) == (REFUSED, True)


def test_notifications_of_a_bucket_that_is_elsewhere() -> None:
    told = custom("S3BucketNotifications", BucketName="somebodys", NotificationConfiguration={}, Managed=False)
    assert row(template(Handler=HANDLER, HandlerRole=ROLE, Told=told), "Told") == (REFUSED, "bucket somebodys is not here")


def test_a_bucket_that_would_be_emptied() -> None:
    found = template(Inbox=INBOX, Handler=HANDLER, HandlerRole=ROLE, Gone=custom("S3AutoDeleteObjects", BucketName={"Ref": "Inbox"}))
    assert row(found, "Gone") == (DIFFERS, "a directory stays, with all that is in it, when its bucket is not in the template any more")


def bucket_policy(*statements: dict[str, Any]) -> tuple[str, str]:
    policy = {"Type": "AWS::S3::BucketPolicy", "Properties": {"Bucket": {"Ref": "Inbox"}, "PolicyDocument": {"Statement": [*statements]}}}
    gone = custom("S3AutoDeleteObjects", BucketName={"Ref": "Inbox"})
    return row(template(Inbox=INBOX, Handler=HANDLER, HandlerRole=ROLE, Mine=ROLE, Gone=gone, Policy=policy), "Policy")


def allow(principal: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Principal": principal}


DENY = {"Effect": "Deny", "Action": "s3:*", "Resource": "*", "Principal": {"AWS": "*"}, "Condition": INSECURE}
HELPER = {"Fn::GetAtt": ["HandlerRole", "Arn"]}
WHY = "buckets have no policies of their own here; who may do what is said by roles and keys"


def test_bucket_policies_that_change_nothing_here() -> None:
    verdict, said = bucket_policy(DENY, allow({"AWS": HELPER}))
    assert (verdict, "without TLS" in said) == (DIFFERS, True)
    assert bucket_policy(allow({"AWS": [HELPER]})) == (RUNS, "")
    old = {**DENY, "Condition": {"NumericLessThan": {"s3:TlsVersion": "1.2"}}}
    assert bucket_policy(old) == (DIFFERS, said)
    assert bucket_policy(allow({"Service": "logging.s3.amazonaws.com"})) == (DIFFERS, "no access logs are written")


@pytest.mark.parametrize(
    "statement",
    [
        allow("*"),
        allow({"AWS": "*"}),
        allow({"AWS": [HELPER, {"Fn::GetAtt": ["Mine", "Arn"]}]}),
        allow({"AWS": []}),
        allow({"AWS": HELPER, "Service": "s3.amazonaws.com"}),
        allow({"Service": "cloudfront.amazonaws.com"}),
        {**DENY, "Effect": "Allow"},
        {**DENY, "Condition": {"Bool": {"aws:SecureTransport": "true"}}},
        {**DENY, "Condition": {**INSECURE, "IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}},
        {**DENY, "Condition": {"NumericLessThan": {"s3:TlsVersion": "1.2", "s3:signatureAge": "9"}}},
        {**DENY, "Condition": {"NumericLessThan": None}},
        {"Effect": "Deny", "Action": "s3:*", "Resource": "*", "Principal": "*"},
    ],
    ids=str,
)
def test_other_bucket_policies_are_refused(statement: dict[str, Any]) -> None:
    assert bucket_policy(DENY, statement) == (REFUSED, WHY)
