"""Lambda's API, spoken to by boto3: what stands in config.yaml and what is declared through the API."""

import base64
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.helpers.endpoint import Cloud
from tests.integration.aws.test_endpoint import refused

CODE = {
    "app.py": """
import json

def echo(event, context):
    print("seen", json.dumps(event))
    custom = context.client_context.custom if context.client_context else None
    return {"event": event, "arn": context.invoked_function_arn, "id": context.aws_request_id, "custom": custom}

def fails(event, context):
    raise ValueError("no")

def note(event, context):
    with open(event["path"], "w") as file:
        file.write(context.aws_request_id)
"""
}
CONFIG = """
roles:
  worker:
    policy:
      - {Effect: Allow, Action: ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:SendMessage"], Resource: "arn:aws:sqs:*:*:dead"}
queues:
  jobs: {visibility_timeout: 60}
  dead: {}
buckets: {code: ./bucket}
limits: {concurrency: 20}
functions:
  f: {code: ./code, handler: app.echo, timeout: 30, triggers: [{queue: jobs}]}
  fails: {code: ./code, handler: app.fails, timeout: 30, role: worker}
  note: {code: ./code, handler: app.note, timeout: 30, isolation: none}
  off: {code: ./code, handler: app.echo, reserved_concurrency: 0}
"""
ROLE = "arn:aws:iam::123456789012:role/worker"
HANDLER = "import os\ndef handler(event, context):\n    return [{answer!r}, os.environ.get('SAYS')]\n"


def zipped(answer: str = "one") -> bytes:
    """An archive with a handler that gives *answer*."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("app.py", HANDLER.replace("{answer!r}", repr(answer)))
    return held.getvalue()


@pytest.fixture(scope="module")
def client(cloud: Cloud, key: dict[str, str]) -> Any:
    return cloud.client("lambda", key)


def result(client: Any, name: str, **more: Any) -> Any:
    return json.loads(client.invoke(FunctionName=name, **more)["Payload"].read())


def create(client: Any, name: str, answer: str = "one", **more: Any) -> Any:
    settings = {"Runtime": "python3.11", "Role": ROLE, "Handler": "app.handler", "Code": {"ZipFile": zipped(answer)}, **more}
    return client.create_function(FunctionName=name, **settings)


# -- the checklist


def test_invoke_by_every_name(client: Any) -> None:
    answer = client.invoke(FunctionName="f", Payload=b'{"a": 1}')
    assert (answer["StatusCode"], answer["ExecutedVersion"]) == (200, "$LATEST")
    assert "FunctionError" not in answer
    said = json.loads(answer["Payload"].read())
    assert said["event"] == {"a": 1}
    assert said["id"] == answer["ResponseMetadata"]["RequestId"]
    arn = "arn:aws:lambda:us-east-1:123456789012:function:f"
    for name in ("function:f", "123456789012:function:f", arn, f"{arn}:$LATEST", "f:$LATEST"):
        assert result(client, name)["event"] == {}
    told = "The derived qualifier from the function name does not match the specified qualifier."
    assert refused(client.invoke, FunctionName="f:1", Qualifier="2") == (400, "InvalidParameterValueException", told)


def test_event_and_dry_run(cloud: Cloud, client: Any) -> None:
    place = cloud.directory / "noted"
    answer = client.invoke(FunctionName="note", InvocationType="Event", Payload=json.dumps({"path": str(place)}).encode())
    assert (answer["StatusCode"], answer["Payload"].read()) == (202, b"")
    assert "ExecutedVersion" not in answer
    assert cloud.until(place.exists, 10)
    event = cloud.get(f"/events/{answer['ResponseMetadata']['RequestId']}")["event"]
    assert event["source"] == "invoke:arn:aws:iam::123456789012:user/ann"
    dry = client.invoke(FunctionName="f", InvocationType="DryRun")
    assert (dry["StatusCode"], dry["Payload"].read()) == (204, b"")
    assert client.invoke_async(FunctionName="f", InvokeArgs=b"{}")["Status"] == 202


def test_the_tail_of_the_log_is_that_invocation_s(client: Any) -> None:
    answer = client.invoke(FunctionName="f", Payload=b"[7]", LogType="Tail")
    lines = base64.b64decode(answer["LogResult"]).decode().splitlines()
    request_id = answer["ResponseMetadata"]["RequestId"]
    assert lines[0] == f"START RequestId: {request_id} Version: $LATEST"
    assert "seen [7]" in lines
    assert lines[-1].startswith(f"REPORT RequestId: {request_id}\tDuration: ")


def test_the_client_context_is_the_handler_s(client: Any) -> None:
    told = base64.b64encode(json.dumps({"custom": {"who": "me"}}).encode()).decode()
    assert result(client, "f", ClientContext=told)["custom"] == {"who": "me"}
    assert refused(client.invoke, FunctionName="f", ClientContext="!")[:2] == (400, "InvalidRequestContentException")


def test_a_function_error_is_200(client: Any) -> None:
    answer = client.invoke(FunctionName="fails")
    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    assert json.loads(answer["Payload"].read())["errorType"] == "ValueError"


def test_what_is_not_there_and_what_is_not_json(client: Any) -> None:
    arn = "arn:aws:lambda:us-east-1:123456789012:function:x"
    assert refused(client.invoke, FunctionName="x") == (404, "ResourceNotFoundException", f"Function not found: {arn}:$LATEST")
    assert refused(client.invoke, FunctionName="x:5")[2] == f"Function not found: {arn}:5"
    assert refused(client.get_function, FunctionName="x")[2] == f"Function not found: {arn}"
    status, code, said = refused(client.invoke, FunctionName="f", Payload=b"value")
    assert (status, code) == (400, "InvalidRequestContentException")
    assert said.startswith("Could not parse request body into json: Could not parse payload into json: ")
    elsewhere = arn.replace("us-east-1", "eu-west-1")
    assert refused(client.invoke, FunctionName=elsewhere)[2] == "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')"
    large = json.dumps("x" * 1_048_577).encode()
    assert refused(client.invoke, FunctionName="f", InvocationType="Event", Payload=large)[:2] == (413, "RequestTooLargeException")


def test_no_concurrency_throttles_and_queues(client: Any) -> None:
    with pytest.raises(client.exceptions.TooManyRequestsException) as caught:
        client.invoke(FunctionName="off")
    answer = caught.value.response
    assert answer["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    assert answer["Error"]["Message"] == "Rate Exceeded."
    assert answer["ResponseMetadata"]["HTTPHeaders"]["retry-after"] == "1"
    assert client.invoke(FunctionName="off", InvocationType="Event")["StatusCode"] == 202


def test_lists_end_and_waiters_return(client: Any) -> None:
    found = [one for page in client.get_paginator("list_functions").paginate(PaginationConfig={"PageSize": 2}) for one in page["Functions"]]
    assert {"f", "fails", "note", "off"} <= {one["FunctionName"] for one in found}
    assert all("State" not in one for one in found)
    for name in ("function_active_v2", "function_active", "function_updated_v2", "function_updated", "function_exists"):
        client.get_waiter(name).wait(FunctionName="f", WaiterConfig={"Delay": 1, "MaxAttempts": 1})


def test_what_the_model_asks_for_is_checked_in_aws_s_words(client: Any) -> None:
    status, code, said = refused(client.list_functions, MaxItems=20_000)
    assert (status, code) == (400, "ValidationException")
    assert said == (
        "1 validation error detected: Value '20000' at 'maxItems' failed to satisfy constraint: "
        "Member must have value less than or equal to 10000"
    )
    status, code, said = refused(create, client=client, name="bad", Role="nobody", Architectures=["x86_64", "arm64"])
    assert code == "ValidationException"
    assert said.startswith(
        "2 validation errors detected: Value 'nobody' at 'role' failed to satisfy constraint: Member must satisfy regular"
    )


# -- what the API declares


def test_a_function_s_whole_life(cloud: Cloud, client: Any) -> None:
    made = create(
        client,
        "life",
        Description="first",
        MemorySize=256,
        Tags={"team": "a"},
        Environment={"Variables": {"SAYS": "${env:HOME}"}},
    )
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert (made["State"], made["MemorySize"], made["Description"], made["Role"]) == ("Active", 256, "first", ROLE)
    assert made["CodeSize"] == len(zipped())
    assert result(client, "life") == ["one", "${env:HOME}"], "what comes through the API refers to nothing of the daemon's"
    assert refused(create, client=client, name="life") == (409, "ResourceConflictException", "Function already exist: life")

    changed = client.update_function_code(FunctionName="life", ZipFile=zipped("two"), RevisionId=made["RevisionId"])
    assert changed["CodeSha256"] != made["CodeSha256"]
    assert changed["RevisionId"] != made["RevisionId"]
    assert result(client, "life")[0] == "two"
    stale = refused(client.update_function_code, FunctionName="life", ZipFile=zipped(), RevisionId=made["RevisionId"])
    assert stale[:2] == (412, "PreconditionFailedException")

    client.update_function_configuration(FunctionName="life", Timeout=9, Environment={"Variables": {"SAYS": "hello"}})
    found = client.get_function(FunctionName="life")
    assert found["Configuration"]["Timeout"] == 9
    assert found["Configuration"]["MemorySize"] == 256
    assert found["Tags"] == {"team": "a"}
    assert result(client, "life") == ["two", "hello"]

    version = client.publish_version(FunctionName="life", Description="a release")
    assert (version["Version"], version["Description"]) == ("1", "a release")
    client.update_function_code(FunctionName="life", ZipFile=zipped("three"))
    alias = client.create_alias(FunctionName="life", Name="PROD", FunctionVersion="1")
    assert alias["AliasArn"].endswith(":function:life:PROD")
    answer = client.invoke(FunctionName="life", Qualifier="PROD")
    assert (answer["ExecutedVersion"], json.loads(answer["Payload"].read())[0]) == ("1", "two")
    assert [one["Version"] for one in client.list_versions_by_function(FunctionName="life")["Versions"]] == ["$LATEST", "1"]

    cloud.stop()
    cloud.start()
    assert cloud.ready()
    assert result(client, "life") == ["three", "hello"]
    assert result(client, "life:PROD")[0] == "two"
    assert client.get_function(FunctionName="life")["Configuration"]["Description"] == "first"

    client.delete_function(FunctionName="life")
    assert refused(client.get_function, FunctionName="life")[1] == "ResourceNotFoundException"
    again = create(client, "life", Publish=True)
    assert again["Version"] == "2", "numbers are never given twice, not even by a function of the same name"
    assert again["FunctionArn"].endswith(":function:life"), "as recorded of AWS"
    client.delete_function(FunctionName="life")


def test_what_config_yaml_declares_the_api_does_not_change(client: Any) -> None:
    for ask, more in (
        (client.update_function_code, {"ZipFile": zipped()}),
        (client.update_function_configuration, {"Timeout": 5}),
        (client.delete_function, {}),
        (client.put_function_concurrency, {"ReservedConcurrentExecutions": 1}),
        (client.put_function_event_invoke_config, {"MaximumRetryAttempts": 1}),
        (client.create_alias, {"Name": "PROD", "FunctionVersion": "$LATEST"}),
    ):
        status, code, said = refused(ask, FunctionName="f", **more)
        assert (status, code) == (409, "ResourceConflictException")
        assert said == "functions.f is declared in config.yaml, which the API does not change: change it there, then router reload"
    assert refused(create, client=client, name="f")[1] == "ResourceConflictException"


def test_mistakes_change_nothing(cloud: Cloud, client: Any) -> None:
    no_role = ROLE.replace("worker", "nobody")
    assert "cannot be assumed by Lambda" in refused(create, client=client, name="bad", Role=no_role)[2]
    assert refused(create, client=client, name="bad", Code={"ZipFile": b"no zip"})[2].startswith("Could not unzip uploaded file.")
    assert refused(create, client=client, name="bad", Runtime="java21")[1] == "InvalidParameterValueException"
    assert "VpcConfig" in refused(create, client=client, name="bad", VpcConfig={"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]})[2]
    assert "AWS_REGION" in refused(create, client=client, name="bad", Environment={"Variables": {"AWS_REGION": "x"}})[2]
    assert (
        refused(create, client=client, name="bad", Code={"S3Bucket": "code", "S3Key": "../config.yaml"})[1]
        == "InvalidParameterValueException"
    )
    assert refused(client.get_function, FunctionName="bad")[1] == "ResourceNotFoundException"
    assert cloud.get("/status")["ready"]


def test_a_handler_is_looked_for_by_the_first_invocation(client: Any) -> None:
    """So that its file can be renamed: code and handler are changed by two calls."""
    create(client, "renamed")
    assert client.update_function_configuration(FunctionName="renamed", Handler="main.handler")["Handler"] == "main.handler"
    lost = result(client, "renamed")
    assert (lost["errorType"], lost["errorMessage"]) == (
        "Runtime.ImportModuleError",
        "Unable to import module 'main': No module named 'main'",
    )
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("main.py", HANDLER.replace("{answer!r}", "'renamed'"))
    client.update_function_code(FunctionName="renamed", ZipFile=held.getvalue())
    assert result(client, "renamed")[0] == "renamed"
    client.update_function_code(FunctionName="renamed", ZipFile=zipped())
    assert result(client, "renamed")["errorType"] == "Runtime.ImportModuleError"
    client.update_function_configuration(FunctionName="renamed", Handler="app.handler")
    assert result(client, "renamed")[0] == "one"
    for runtime, handler, wrong in (
        ("nodejs20.x", "index.handler", "Runtime.ImportModuleError"),
        ("python3.11", "nothing", "Runtime.MalformedHandlerName"),
        ("provided.al2023", "any", "Runtime.InvalidEntrypoint"),
    ):
        client.update_function_configuration(FunctionName="renamed", Handler=handler, Runtime=runtime)
        assert result(client, "renamed")["errorType"] == wrong
    client.delete_function(FunctionName="renamed")


SPOKEN_TO = """
import sys, warnings
def handler(event, context):
    try: import structlog
    except ImportError: structlog = None
    try: warnings.warn("one")
    except UserWarning as error: said = str(error)
    return [hash("a"), sys.warnoptions, said, structlog is None, [place for place in sys.path if "python_program" in place]]
"""


def test_variables_for_the_interpreter_are_heeded(client: Any) -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("app.py", SPOKEN_TO)
    spoken = {"Environment": {"Variables": {"PYTHONHASHSEED": "0", "PYTHONWARNINGS": "error", "PYTHONUNBUFFERED": "1"}}}
    create(client, "spoken", Code={"ZipFile": held.getvalue()}, **spoken)
    ours = subprocess.run(
        [sys.executable, "-c", "print(hash('a'))"], env={"PYTHONHASHSEED": "0"}, capture_output=True, text=True, timeout=30, check=True
    )
    assert result(client, "spoken") == [int(ours.stdout), ["error"], "one", True, []]
    client.delete_function(FunctionName="spoken")


def test_code_from_a_bucket(cloud: Cloud, client: Any) -> None:
    (cloud.directory / "bucket/release.zip").write_bytes(zipped("from the bucket"))
    create(client, "stored", Code={"S3Bucket": "code", "S3Key": "release.zip"})
    assert result(client, "stored")[0] == "from the bucket"
    client.delete_function(FunctionName="stored")


def test_a_name_that_is_no_key_brings_no_code(cloud: Cloud, client: Any) -> None:
    """Whoever may read public/ is asked for public/../release.zip."""
    for name in ("public", ".router"):
        (cloud.directory / "bucket" / name).mkdir(exist_ok=True)
        (cloud.directory / "bucket" / name / "release.zip").write_bytes(zipped("not for everybody"))
    (cloud.directory / "bucket/release.zip").write_bytes(zipped("not for everybody"))
    for key in ("public/../release.zip", "./release.zip", "public//release.zip", ".router/release.zip"):
        assert "NoSuchKey" in refused(create, client=client, name="stored", Code={"S3Bucket": "code", "S3Key": key})[2], key


def test_concurrency(client: Any) -> None:
    create(client, "narrow")
    assert client.put_function_concurrency(FunctionName="narrow", ReservedConcurrentExecutions=0)["ReservedConcurrentExecutions"] == 0
    assert client.get_function(FunctionName="narrow")["Concurrency"] == {"ReservedConcurrentExecutions": 0}
    assert refused(client.invoke, FunctionName="narrow")[1] == "TooManyRequestsException"
    told = refused(client.put_function_concurrency, FunctionName="narrow", ReservedConcurrentExecutions=20)
    assert told[1] == "InvalidParameterValueException"
    assert told[2].endswith("decreases account's UnreservedConcurrentExecution below its minimum value of [1].")
    client.delete_function_concurrency(FunctionName="narrow")
    assert "ReservedConcurrentExecutions" not in client.get_function_concurrency(FunctionName="narrow")
    assert result(client, "narrow")[0] == "one"
    said = refused(client.put_function_concurrency, FunctionName="narrow:1", ReservedConcurrentExecutions=1)
    assert said[1] in {"InvalidParameterValueException", "ResourceNotFoundException"}
    client.delete_function(FunctionName="narrow")


def test_event_invoke_config(client: Any) -> None:
    create(client, "async")
    told = "The function arn:aws:lambda:us-east-1:123456789012:function:async:$LATEST doesn't have an EventInvokeConfig"
    assert refused(client.get_function_event_invoke_config, FunctionName="async") == (404, "ResourceNotFoundException", told)
    queue = "arn:aws:sqs:us-east-1:123456789012:dead"
    none = (400, "InvalidParameterValueException", "You must specify at least one of error handling or destination setting.")
    assert refused(client.put_function_event_invoke_config, FunctionName="async") == none
    assert refused(client.update_function_event_invoke_config, FunctionName="async") == none
    put = client.put_function_event_invoke_config(
        FunctionName="async", MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": queue}}
    )
    assert put["FunctionArn"].endswith(":function:async:$LATEST")
    merged = client.update_function_event_invoke_config(FunctionName="async", MaximumEventAgeInSeconds=60)
    assert (merged["MaximumRetryAttempts"], merged["MaximumEventAgeInSeconds"]) == (0, 60)
    assert merged["DestinationConfig"]["OnFailure"] == {"Destination": queue}
    replaced = client.put_function_event_invoke_config(FunctionName="async", MaximumRetryAttempts=1)
    assert ("MaximumEventAgeInSeconds" in replaced, replaced["DestinationConfig"]["OnFailure"]) == (False, {}), (
        "what is not set is not told"
    )
    assert "MaximumEventAgeInSeconds" not in client.get_function_event_invoke_config(FunctionName="async")
    itself = {"OnSuccess": {"Destination": "arn:aws:lambda:us-east-1:123456789012:function:async"}}
    told = refused(client.put_function_event_invoke_config, FunctionName="async", DestinationConfig=itself)
    assert told[1:] == ("InvalidParameterValueException", "You can't specify the function as a destination for itself.")
    assert len(client.list_function_event_invoke_configs(FunctionName="async")["FunctionEventInvokeConfigs"]) == 1
    client.delete_function_event_invoke_config(FunctionName="async")
    assert refused(client.get_function_event_invoke_config, FunctionName="async")[1] == "ResourceNotFoundException"
    client.delete_function(FunctionName="async")


def test_event_invoke_config_counts_for_versions_and_aliases(cloud: Cloud, key: dict[str, str], client: Any) -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("app.py", CODE["app.py"])
    create(client, "told", Handler="app.fails", Code={"ZipFile": held.getvalue()}, Publish=True)
    client.create_alias(FunctionName="told", Name="live", FunctionVersion="1")
    to = {"OnFailure": {"Destination": "arn:aws:sqs:us-east-1:123456789012:dead"}}
    client.put_function_event_invoke_config(FunctionName="told", MaximumRetryAttempts=0, DestinationConfig=to)
    sqs = cloud.client("sqs", key)
    for qualifier in ("live", "1", "$LATEST"):
        sent = client.invoke(FunctionName="told", Qualifier=qualifier, InvocationType="Event")["ResponseMetadata"]["RequestId"]
        (message,) = sqs.receive_message(QueueUrl=f"{cloud.url}/123456789012/dead", WaitTimeSeconds=10)["Messages"]
        record = json.loads(message["Body"])
        assert (record["requestContext"]["requestId"], record["requestContext"]["condition"]) == (sent, "RetriesExhausted")
        sqs.delete_message(QueueUrl=f"{cloud.url}/123456789012/dead", ReceiptHandle=message["ReceiptHandle"])
    listed = cloud.router("dlq", "list", "--function", "told")
    assert sorted(row["function"] for row in listed) == ["told:$LATEST", "told:1", "told:live"]
    assert client.publish_version(FunctionName="told")["Version"] == "1", "no version's own, so nothing new"
    client.delete_function(FunctionName="told")


def test_event_source_mappings(client: Any) -> None:
    (theirs,) = client.list_event_source_mappings()["EventSourceMappings"]
    assert theirs["FunctionArn"].endswith(":function:f")
    assert refused(client.delete_event_source_mapping, UUID=theirs["UUID"])[1] == "ResourceConflictException"
    create(client, "polls")
    arn = "arn:aws:sqs:us-east-1:123456789012:dead"
    made = client.create_event_source_mapping(
        FunctionName="polls", EventSourceArn=arn, BatchSize=5, FunctionResponseTypes=["ReportBatchItemFailures"]
    )
    assert (made["State"], made["BatchSize"], made["EventSourceArn"]) == ("Creating", 5, arn)
    mapping = made["UUID"]
    assert client.get_event_source_mapping(UUID=mapping)["State"] == "Enabled"
    none = (400, "InvalidParameterValueException", "Function does not exist")
    assert refused(client.create_event_source_mapping, FunctionName="nobody", EventSourceArn=arn) == none
    again = refused(client.create_event_source_mapping, FunctionName="polls", EventSourceArn=arn)
    assert again[:2] == (409, "ResourceConflictException")
    assert mapping in again[2]
    stream = "arn:aws:dynamodb:us-east-1:123456789012:table/nosuch/stream/2025-02-22T03:03:25.490"
    nowhere = (400, "InvalidParameterValueException", f"Stream not found: {stream}")
    asked = {"FunctionName": "polls", "EventSourceArn": stream, "StartingPosition": "LATEST"}
    assert refused(client.create_event_source_mapping, **asked) == nowhere
    client.update_event_source_mapping(UUID=mapping, Enabled=False, BatchSize=7)
    found = client.get_event_source_mapping(UUID=mapping)
    assert (found["State"], found["BatchSize"]) == ("Disabled", 7)
    wide = "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
    assert refused(client.update_event_source_mapping, UUID=mapping, BatchSize=100)[2] == wide
    bad = {"Filters": [{"Pattern": '{"body": 3}'}]}
    assert refused(client.update_event_source_mapping, UUID=mapping, FilterCriteria=bad)[2] == "Invalid filter pattern definition."
    assert client.delete_event_source_mapping(UUID=mapping)["State"] == "Deleting"
    assert refused(client.get_event_source_mapping, UUID=mapping)[2] == "The resource you requested does not exist."
    client.delete_function(FunctionName="polls")


def test_tags_of_event_source_mappings(client: Any) -> None:
    (theirs,) = client.list_event_source_mappings()["EventSourceMappings"]
    assert client.list_tags(Resource=theirs["EventSourceMappingArn"])["Tags"] == {}
    assert refused(client.tag_resource, Resource=theirs["EventSourceMappingArn"], Tags={"a": "1"})[1] == "ResourceConflictException"
    create(client, "polls")
    queue = "arn:aws:sqs:us-east-1:123456789012:dead"
    made = client.create_event_source_mapping(FunctionName="polls", EventSourceArn=queue, Tags={"team": "a"})
    arn, mapping = made["EventSourceMappingArn"], made["UUID"]
    client.tag_resource(Resource=arn, Tags={"cost": "1"})
    client.update_event_source_mapping(UUID=mapping, BatchSize=7)
    assert client.list_tags(Resource=arn)["Tags"] == {"team": "a", "cost": "1"}
    client.untag_resource(Resource=arn, TagKeys=["team", "none"])
    assert client.list_tags(Resource=arn)["Tags"] == {"cost": "1"}
    assert client.get_event_source_mapping(UUID=mapping)["BatchSize"] == 7
    client.delete_event_source_mapping(UUID=mapping)
    assert refused(client.list_tags, Resource=arn)[:2] == (404, "ResourceNotFoundException")
    client.delete_function(FunctionName="polls")


def test_what_a_function_s_role_may_not_do_lambda_does_not_do_for_it(client: Any) -> None:
    jobs = "arn:aws:sqs:us-east-1:123456789012:jobs"
    create(client, "bound")
    said = refused(client.create_event_source_mapping, FunctionName="bound", EventSourceArn=jobs)
    assert said[1] == "InvalidParameterValueException"
    assert said[2].startswith("The provided execution role does not have permissions to call ReceiveMessage on SQS")
    sent = {"OnFailure": {"Destination": jobs}}
    assert "SendMessage on SQS" in refused(client.put_function_event_invoke_config, FunctionName="bound", DestinationConfig=sent)[2]
    assert (
        "SendMessage on SQS" in refused(client.update_function_configuration, FunctionName="bound", DeadLetterConfig={"TargetArn": jobs})[2]
    )
    client.delete_function(FunctionName="bound")


def test_a_mapping_may_be_added_to_a_function_of_config_yaml(client: Any) -> None:
    arn = "arn:aws:sqs:us-east-1:123456789012:dead"
    made = client.create_event_source_mapping(FunctionName="fails", EventSourceArn=arn)
    assert [one["UUID"] for one in client.list_event_source_mappings(FunctionName="fails")["EventSourceMappings"]] == [made["UUID"]]
    client.delete_event_source_mapping(UUID=made["UUID"])


def test_a_url_that_nobody_would_reach(client: Any) -> None:
    create(client, "public")
    said = refused(client.create_function_url_config, FunctionName="public", AuthType="NONE")
    assert said == (400, "InvalidParameterValueException", "listen.http is off: nobody would reach the URL")
    assert refused(client.get_function_url_config, FunctionName="public")[:2] == (404, "ResourceNotFoundException")
    client.delete_function(FunctionName="public")


def test_a_function_s_own_policy_lets_others_in(cloud: Cloud, client: Any) -> None:
    policy = cloud.directory / "nothing.json"
    policy.write_text(json.dumps(NOTHING))
    stranger = cloud.client("lambda", cloud.router("keys", "create", "bob", "--policy", str(policy)))
    assert refused(stranger.invoke, FunctionName="f")[:2] == (403, "AccessDeniedException")
    grant = {"FunctionName": "f", "StatementId": "bob", "Action": "lambda:InvokeFunction"}
    said = client.add_permission(Principal="arn:aws:iam::123456789012:user/bob", **grant)
    assert json.loads(said["Statement"])["Resource"].endswith(":function:f")
    assert result(stranger, "f")["event"] == {}
    assert refused(stranger.invoke, FunctionName="fails")[1] == "AccessDeniedException"
    assert refused(stranger.get_function, FunctionName="f")[1] == "AccessDeniedException"
    assert refused(client.add_permission, Principal="*", **grant)[1] == "ResourceConflictException"
    assert json.loads(client.get_policy(FunctionName="f")["Policy"])["Id"] == "default"
    client.remove_permission(FunctionName="f", StatementId="bob")
    assert refused(stranger.invoke, FunctionName="f")[1] == "AccessDeniedException"
    assert refused(client.get_policy, FunctionName="f")[1] == "ResourceNotFoundException"


def test_what_is_asked_by_tools_that_look_at_everything(client: Any) -> None:
    assert client.get_function_recursion_config(FunctionName="f")["RecursiveLoop"] == "Terminate"
    assert refused(client.put_function_recursion_config, FunctionName="f", RecursiveLoop="Allow")[1] == "InvalidParameterValueException"
    assert client.get_runtime_management_config(FunctionName="f")["UpdateRuntimeOn"] == "Auto"
    assert client.get_function_code_signing_config(FunctionName="f")["FunctionName"] == "f"


def test_who_makes_a_function_must_be_allowed_to_pass_its_role_and_to_read_its_code(cloud: Cloud, client: Any) -> None:
    def maker(name: str, *statements: dict[str, str]) -> Any:
        policy = cloud.directory / f"{name}.json"
        policy.write_text(json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **one} for one in statements]}))
        return cloud.client("lambda", cloud.router("keys", "create", name, "--policy", str(policy)))

    (cloud.directory / "bucket/release.zip").write_bytes(zipped())
    makes, passes = {"Action": "lambda:*", "Resource": "*"}, {"Action": "iam:PassRole", "Resource": ROLE}
    status, code, said = refused(create, client=maker("carl", makes), name="passed")
    assert (status, code) == (403, "AccessDeniedException")
    assert f"is not authorized to perform: iam:PassRole on resource: {ROLE}" in said
    stored = {"S3Bucket": "code", "S3Key": "release.zip"}
    dora = maker("dora", makes, passes)
    assert "s3:GetObject on resource: arn:aws:s3:::code/release.zip" in refused(create, client=dora, name="passed", Code=stored)[2]
    assert refused(client.get_function, FunctionName="passed")[1] == "ResourceNotFoundException"
    create(dora, "passed")
    client.delete_function(FunctionName="passed")


def test_nothing_is_taken_and_then_ignored(client: Any) -> None:
    mapping = client.list_event_source_mappings(FunctionName="f")["EventSourceMappings"][0]["UUID"]
    for told, call, members in (
        ("TenantId", client.invoke, {"FunctionName": "f", "TenantId": "t"}),
        ("DurableExecutionName", client.invoke, {"FunctionName": "f", "InvocationType": "Event", "DurableExecutionName": "t"}),
        ("PublishTo", client.publish_version, {"FunctionName": "f", "PublishTo": "LATEST_PUBLISHED"}),
        ("KMSKeyArn", client.update_event_source_mapping, {"UUID": mapping, "KMSKeyArn": "arn:aws:kms:us-east-1:123456789012:key/k"}),
        (
            "SourceKMSKeyArn",
            create,
            {
                "client": client,
                "name": "kept",
                "Code": {"ZipFile": zipped(), "SourceKMSKeyArn": "arn:aws:kms:us-east-1:123456789012:key/k"},
            },
        ),
    ):
        status, code, said = refused(call, **members)
        assert (status, code) == (400, "InvalidParameterValueException")
        assert said.startswith(f"{told} is not supported")


def test_layers(client: Any) -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("python/shared.py", "WORD = 'layered'\n")
    layer = client.publish_layer_version(LayerName="shared", Content={"ZipFile": held.getvalue()}, CompatibleRuntimes=["python3.11"])
    assert layer["LayerVersionArn"] == "arn:aws:lambda:us-east-1:123456789012:layer:shared:1"
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", "import shared\ndef handler(event, context):\n    return shared.WORD\n")
    create(client, "layered", Code={"ZipFile": code.getvalue()}, Layers=[layer["LayerVersionArn"]])
    assert result(client, "layered") == "layered"
    assert client.get_function_configuration(FunctionName="layered")["Layers"][0]["Arn"] == layer["LayerVersionArn"]
    assert [one["LayerName"] for one in client.list_layers()["Layers"]] == ["shared"]
    client.delete_layer_version(LayerName="shared", VersionNumber=1)
    assert client.list_layer_versions(LayerName="shared")["LayerVersions"] == []
    assert result(client, "layered") == "layered", "a function keeps the layer that it has"
    client.delete_function(FunctionName="layered")


def test_account_tags_and_what_is_refused(client: Any) -> None:
    assert client.get_account_settings()["AccountLimit"]["ConcurrentExecutions"] == 20
    with pytest.raises(ClientError, match="reserved for AWS"):
        create(client, "reserved", Tags={"aws:a": "1"})
    create(client, "tagged", Tags={"a": "1"})
    arn = "arn:aws:lambda:us-east-1:123456789012:function:tagged"
    client.tag_resource(Resource=arn, Tags={"b": "2"})
    client.untag_resource(Resource=arn, TagKeys=["a"])
    assert client.list_tags(Resource=arn)["Tags"] == {"b": "2"}
    client.publish_version(FunctionName="tagged")
    with pytest.raises(ClientError, match=r"provisioned_concurrency in config\.yaml"):
        client.put_provisioned_concurrency_config(FunctionName="tagged", Qualifier="1", ProvisionedConcurrentExecutions=1)
    client.delete_function(FunctionName="tagged")


def test_the_aws_command_line(cloud: Cloud, key: dict[str, str], tmp_path: Path) -> None:
    def aws(*words: str) -> Any:
        return cloud.aws(key, "lambda", *words)

    code, out = tmp_path / "code.zip", tmp_path / "out.json"
    code.write_bytes(zipped("by hand"))
    said = aws("invoke", "--function-name", "f", "--payload", '{"a": 1}', "--log-type", "Tail", str(out))
    assert (said["StatusCode"], said["ExecutedVersion"]) == (200, "$LATEST")
    assert json.loads(out.read_bytes())["event"] == {"a": 1}
    assert "REPORT RequestId" in base64.b64decode(said["LogResult"]).decode()
    made = aws(
        *("create-function", "--function-name", "typed", "--runtime", "python3.11", "--role", ROLE),
        *("--handler", "app.handler", "--zip-file", f"fileb://{code}"),
    )
    assert made["State"] == "Active"
    assert aws("invoke", "--function-name", "typed", "--invocation-type", "DryRun", str(out)) == {"StatusCode": 204}
    assert out.read_bytes() == b""
    aws("delete-function", "--function-name", "typed")


NOTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "s3:*", "Resource": "*"}]}


def test_a_streamed_answer(client: Any) -> None:
    answer = client.invoke_with_response_stream(FunctionName="f", Payload=b'{"a": 1}', LogType="Tail")
    assert (answer["StatusCode"], answer["ExecutedVersion"]) == (200, "$LATEST")
    assert answer["ResponseMetadata"]["HTTPHeaders"]["content-type"] == "application/vnd.amazon.eventstream", "and no other beside it"
    *pieces, end = list(answer["EventStream"])
    said = json.loads(b"".join(piece["PayloadChunk"]["Payload"] for piece in pieces))
    assert said["event"] == {"a": 1}
    assert said["id"] == answer["ResponseMetadata"]["RequestId"]
    tail = base64.b64decode(end["InvokeComplete"]["LogResult"]).decode()
    assert f"START RequestId: {said['id']}" in tail
    failed = list(client.invoke_with_response_stream(FunctionName="fails")["EventStream"])
    assert failed[-1]["InvokeComplete"]["ErrorCode"] == "Unhandled"
    assert json.loads(failed[-1]["InvokeComplete"]["ErrorDetails"])["errorType"] == "ValueError"
    assert refused(client.invoke_with_response_stream, FunctionName="x")[1] == "ResourceNotFoundException"
