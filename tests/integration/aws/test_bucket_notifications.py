"""Buckets that tell queues and topics, spoken to by boto3 as it comes."""

import json
import re
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.helpers.endpoint import Cloud

HERE = "us-east-1:123456789012"
CONFIG = """
queues: {declared: {}}
buckets: {drop: {path: ./drop, settle: 0}}
notifications: {from-config: {bucket: drop, queue: declared, suffix: .csv}}
roles:
  configurer: {policy: [{Effect: Allow, Action: "s3:*", Resource: "*"}]}
functions:
  note: {code: ./code, handler: app.note, isolation: none}
"""
CODE = {"app.py": "def note(event, context):\n    pass\n"}
UNABLE = "Unable to validate the following destination configurations"


def let_in(action: str, arn: str, bucket: str) -> str:
    """The policy that AWS's guide has for a queue or a topic."""
    condition = {"ArnLike": {"aws:SourceArn": f"arn:aws:s3:*:*:{bucket}"}, "StringEquals": {"aws:SourceAccount": "123456789012"}}
    allow = {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": action, "Resource": arn, "Condition": condition}
    return json.dumps({"Version": "2012-10-17", "Statement": [allow]})


def queue(sqs: Any, name: str, bucket: str) -> tuple[str, str]:
    """URL and ARN of a new queue that lets S3 in."""
    arn = f"arn:aws:sqs:{HERE}:{name}"
    return sqs.create_queue(QueueName=name, Attributes={"Policy": let_in("sqs:SendMessage", arn, bucket)})["QueueUrl"], arn


def topic(sns: Any, name: str, bucket: str) -> str:
    """ARN of a new topic that lets S3 in."""
    arn = f"arn:aws:sns:{HERE}:{name}"
    return str(sns.create_topic(Name=name, Attributes={"Policy": let_in("sns:Publish", arn, bucket)})["TopicArn"])


def messages(sqs: Any, url: str, count: int) -> list[Any]:
    """The bodies of so many messages, which are deleted."""
    found: list[Any] = []
    for _ in range(20):
        for one in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=2).get("Messages", []):
            found.append(json.loads(one["Body"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
        if len(found) >= count:
            break
    assert len(found) == count
    return found


def put(s3: Any, bucket: str, **wanted: Any) -> Any:
    skip = wanted.pop("skip", False)
    return s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration=wanted, **({"SkipDestinationValidation": True} if skip else {})
    )


def refused(s3: Any, bucket: str, **wanted: Any) -> dict[str, str]:
    """The error of a configuration that is not taken."""
    with pytest.raises(ClientError) as caught:
        put(s3, bucket, **wanted)
    error: dict[str, str] = caught.value.response["Error"]
    return error


def told(event: Any) -> tuple[str, str, str]:
    (record,) = event["Records"]
    return record["eventName"], record["s3"]["object"]["key"], record["s3"]["configurationId"]


def test_a_queue_is_told(s3: Any, sqs: Any, cloud: Cloud) -> None:
    s3.create_bucket(Bucket="scans")
    url, arn = queue(sqs, "scans-jobs", "scans")
    wanted = [
        {
            "Id": "new text",
            "QueueArn": arn,
            "Events": ["s3:ObjectCreated:*"],
            "Filter": {"Key": {"FilterRules": [{"Name": "Prefix", "Value": "in/"}, {"Name": "Suffix", "Value": ".txt"}]}},
        },
        {"Id": "gone", "QueueArn": arn, "Events": ["s3:ObjectRemoved:Delete"]},
    ]
    answer = put(s3, "scans", QueueConfigurations=wanted, EventBridgeConfiguration={})
    (tried,) = messages(sqs, url, 1)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", tried.pop("Time"))
    ids = answer["ResponseMetadata"]
    assert tried == {
        "Service": "Amazon S3",
        "Event": "s3:TestEvent",
        "Bucket": "scans",
        "RequestId": ids["RequestId"],
        "HostId": ids["HostId"],
    }
    found = s3.get_bucket_notification_configuration(Bucket="scans")
    assert (found["QueueConfigurations"], "EventBridgeConfiguration" in found) == (wanted, True)

    s3.put_object(Bucket="scans", Key="in/other.bin", Body=b"x")
    s3.put_object(Bucket="scans", Key="in/a b.txt", Body=b"four")
    s3.copy_object(Bucket="scans", Key="in/copy.txt", CopySource="scans/in/a b.txt")
    (cloud.directory / "state/buckets/scans/in/dropped.txt").write_bytes(b"z")
    s3.delete_object(Bucket="scans", Key="in/other.bin")
    events = messages(sqs, url, 4)
    assert sorted(map(told, events)) == [
        ("ObjectCreated:Copy", "in/copy.txt", "new text"),
        ("ObjectCreated:Put", "in/a+b.txt", "new text"),
        ("ObjectCreated:Put", "in/dropped.txt", "new text"),
        ("ObjectRemoved:Delete", "in/other.bin", "gone"),
    ]
    (record,) = next(one["Records"] for one in events if told(one)[1] == "in/a+b.txt")
    assert set(record) == {
        "eventVersion", "eventSource", "awsRegion", "eventTime", "eventName", "userIdentity", "requestParameters", "responseElements", "s3",
    }  # fmt: skip
    assert record["s3"]["bucket"]["arn"] == "arn:aws:s3:::scans"
    assert record["s3"]["object"].items() >= {"size": 4, "eTag": "8cbad96aced40b3838dd9f07f6ef5772"}.items()

    put(s3, "scans")
    assert "QueueConfigurations" not in s3.get_bucket_notification_configuration(Bucket="scans")
    s3.put_object(Bucket="scans", Key="in/later.txt", Body=b"x")
    put(s3, "scans", QueueConfigurations=wanted[:1])
    assert messages(sqs, url, 1)[0]["Event"] == "s3:TestEvent"


def test_a_trace_reaches_the_queue(s3: Any, sqs: Any) -> None:
    """As recorded of AWS: the header of the request is a system attribute of the message."""
    s3.create_bucket(Bucket="traced")
    url, arn = queue(sqs, "traced-jobs", "traced")
    put(s3, "traced", QueueConfigurations=[{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}], skip=True)
    trace = "Root=1-3152b799-8954dae64eda91bc9a23a7e8;Parent=7fa8c0f79203be72;Sampled=1"

    def tell(request: Any, **_: Any) -> None:
        request.headers["X-Amzn-Trace-Id"] = trace

    s3.meta.events.register("before-send.s3.*", tell)
    s3.put_object(Bucket="traced", Key="one", Body=b"x")
    upload = s3.create_multipart_upload(Bucket="traced", Key="two")["UploadId"]
    part = s3.upload_part(Bucket="traced", Key="two", UploadId=upload, PartNumber=1, Body=b"x")
    parts = {"Parts": [{"ETag": part["ETag"], "PartNumber": 1}]}
    s3.complete_multipart_upload(Bucket="traced", Key="two", UploadId=upload, MultipartUpload=parts)
    s3.meta.events.unregister("before-send.s3.*", tell)
    s3.put_object(Bucket="traced", Key="three", Body=b"x")
    found: dict[str, str | None] = {}
    for _ in range(20):
        for one in sqs.receive_message(QueueUrl=url, AttributeNames=["AWSTraceHeader"], MaxNumberOfMessages=10, WaitTimeSeconds=2).get(
            "Messages", []
        ):
            key = json.loads(one["Body"])["Records"][0]["s3"]["object"]["key"]
            found[key] = one.get("Attributes", {}).get("AWSTraceHeader")
        if len(found) == 3:
            break
    assert found == {"one": trace, "two": trace, "three": None}


def test_a_topic_is_told_and_its_subscribers_by_it(s3: Any, sqs: Any, sns: Any) -> None:
    s3.create_bucket(Bucket="news")
    arn = topic(sns, "news-topic", "news")
    url = sqs.create_queue(QueueName="news-reader")["QueueUrl"]
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=f"arn:aws:sqs:{HERE}:news-reader")
    wanted = {"Id": "all", "TopicArn": arn, "Events": ["s3:ObjectCreated:Put"]}
    put(s3, "news", TopicConfigurations=[wanted])
    s3.put_object(Bucket="news", Key="one", Body=b"x")
    envelopes = messages(sqs, url, 2)
    assert {(one["TopicArn"], one["Subject"]) for one in envelopes} == {(arn, "Amazon S3 Notification")}
    bodies = [json.loads(one["Message"]) for one in envelopes]
    assert [body["Event"] for body in bodies if "Event" in body] == ["s3:TestEvent"]
    assert [told(body) for body in bodies if "Records" in body] == [("ObjectCreated:Put", "one", "all")]
    assert s3.get_bucket_notification_configuration(Bucket="news")["TopicConfigurations"] == [wanted]

    with pytest.raises(ClientError, match="still needed"):
        sns.delete_topic(TopicArn=arn)
    s3.delete_object(Bucket="news", Key="one")
    s3.delete_bucket(Bucket="news")  # with its configuration
    sns.delete_topic(TopicArn=arn)


def test_config_yaml_has_a_queue_told_and_the_api_does_not_change_that(s3: Any, sqs: Any, cloud: Cloud) -> None:
    url = sqs.get_queue_url(QueueName="declared")["QueueUrl"]
    cloud.drop("drop/one.csv", b"x")
    cloud.drop("drop/one.txt", b"x")
    assert [told(one) for one in messages(sqs, url, 1)] == [("ObjectCreated:Put", "one.csv", "from-config")]
    found = s3.get_bucket_notification_configuration(Bucket="drop")
    found.pop("ResponseMetadata")
    put(s3, "drop", **found)
    assert "config.yaml has declared told of this bucket" in refused(s3, "drop")["Message"]
    (row,) = cloud.router("why", str(cloud.directory / "drop/two.csv"))
    assert (row["function"], row["trigger"], row["matches"]) == ("queue:declared", "notification drop/from-config", True)


def test_destinations_are_asked_first(s3: Any, sqs: Any, cloud: Cloud, key: dict[str, str]) -> None:
    s3.create_bucket(Bucket="asked")
    queue(sqs, "asked-jobs", "another")
    sqs.create_queue(QueueName="asked.fifo", Attributes={"FifoQueue": "true"})
    events = ["s3:ObjectCreated:*"]
    jobs, none = f"arn:aws:sqs:{HERE}:asked-jobs", f"arn:aws:sns:{HERE}:none"
    error = refused(s3, "asked", QueueConfigurations=[{"QueueArn": jobs, "Events": events}])
    assert (error["Code"], error["Message"], error["ArgumentName1"]) == ("InvalidArgument", UNABLE, jobs)
    assert error["ArgumentValue1"] == "Permissions on the destination queue do not allow S3 to publish notifications from this bucket"
    error = refused(s3, "asked", TopicConfigurations=[{"TopicArn": none, "Events": events}])
    assert (error["ArgumentName1"], error["ArgumentValue1"]) == (none, "The destination topic does not exist")
    fifo = [{"QueueArn": f"arn:aws:sqs:{HERE}:asked.fifo", "Events": events}]
    assert refused(s3, "asked", QueueConfigurations=fifo)["Message"] == "FIFO SQS queues are not supported."

    note = f"arn:aws:lambda:{HERE}:function:note"
    functions = [{"LambdaFunctionArn": note, "Events": events}]
    error = refused(s3, "asked", LambdaFunctionConfigurations=functions)
    assert (error["ArgumentName1"], error["ArgumentValue1"]) == (f"{note}, null", f"Not authorized to invoke function [{note}]")
    cloud.client("lambda", key).add_permission(
        FunctionName="note",
        StatementId="s3",
        Action="lambda:InvokeFunction",
        Principal="s3.amazonaws.com",
        SourceArn="arn:aws:s3:::asked",
        SourceAccount="123456789012",
    )
    put(s3, "asked", LambdaFunctionConfigurations=functions)
    assert not sqs.receive_message(QueueUrl=sqs.get_queue_url(QueueName="asked-jobs")["QueueUrl"]).get("Messages")


def test_who_skips_the_questions_must_be_allowed_himself_and_no_test_is_sent(s3: Any, sqs: Any, cloud: Cloud, key: dict[str, str]) -> None:
    s3.create_bucket(Bucket="skipped")
    url = sqs.create_queue(QueueName="skipped-jobs")["QueueUrl"]
    wanted = [{"QueueArn": f"arn:aws:sqs:{HERE}:skipped-jobs", "Events": ["s3:ObjectCreated:*"]}]
    role = cloud.client("sts", key).assume_role(RoleArn="arn:aws:iam::123456789012:role/configurer", RoleSessionName="one")
    other = cloud.client("s3", role["Credentials"])
    assert refused(other, "skipped", QueueConfigurations=wanted, skip=True)["Code"] == "AccessDenied"
    assert refused(s3, "skipped", QueueConfigurations=wanted)["Message"] == UNABLE
    put(s3, "skipped", QueueConfigurations=wanted, skip=True)
    s3.put_object(Bucket="skipped", Key="k", Body=b"x")
    assert [told(one)[1] for one in messages(sqs, url, 1)] == ["k"]


def test_the_aws_cli_puts_a_configuration(s3: Any, sqs: Any, cloud: Cloud, key: dict[str, str]) -> None:
    s3.create_bucket(Bucket="typed")
    url, arn = queue(sqs, "typed-jobs", "typed")
    wanted = {"QueueConfigurations": [{"Id": "typed", "QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]}
    words = ["s3api", "put-bucket-notification-configuration", "--bucket", "typed", "--notification-configuration", json.dumps(wanted)]
    cloud.aws(key, *words)
    assert messages(sqs, url, 1)[0]["Event"] == "s3:TestEvent"
    assert cloud.aws(key, "s3api", "get-bucket-notification-configuration", "--bucket", "typed") == wanted
    cloud.aws(key, *words, "--skip-destination-validation")
    s3.put_object(Bucket="typed", Key="k", Body=b"x")
    assert [told(one)[1] for one in messages(sqs, url, 1)] == ["k"]
    (row,) = [row for row in cloud.router("declared") if row["kind"] == "notifications" and row["value"]["bucket"] == "typed"]
    assert row["value"]["id"] == "typed"
