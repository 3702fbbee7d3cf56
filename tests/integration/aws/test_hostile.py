"""A hostile handler: with boto3 and the credentials of its role it tries what is others', with files what is the daemon's."""

import io
import json
import re
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

import router
from tests.helpers.endpoint import Cloud

CANARY = "swordfish-9241"
CODE = {
    "app.py": r"""
import glob, os, socket, urllib.request
import boto3
from botocore.config import Config

QUIET = Config(retries={"total_max_attempts": 1})
ACCOUNT, REGION = "123456789012", "us-east-1"

def tried(call):
    try:
        return repr(call())[:5000]
    except Exception as error:
        return f"refused: {type(error).__name__}: {error}"[:300]

def client(service, **over):
    return boto3.client(service, config=QUIET, **over)

def read(path):
    with open(path, "rb") as file:
        return file.read()

def connect(path):
    with socket.socket(socket.AF_UNIX) as one:
        one.connect(path)
        return "connected"

def fetch(path, **headers):
    request = urllib.request.Request(os.environ["AWS_ENDPOINT_URL"] + path, headers=headers)
    with urllib.request.urlopen(request, timeout=5) as answer:
        return answer.read()

def handler(event, context):
    s3, functions, sqs, logs = client("s3"), client("lambda"), client("sqs"), client("logs")
    sts, sns, events, tables = client("sts"), client("sns"), client("events"), client("dynamodb")
    url = f"{os.environ['AWS_ENDPOINT_URL']}/{ACCOUNT}/theirs"
    state = event["state"]
    tries = {
        "list buckets": s3.list_buckets,
        "list": lambda: s3.list_objects_v2(Bucket="theirs"),
        "head": lambda: s3.head_object(Bucket="theirs", Key="secret.txt"),
        "get": lambda: s3.get_object(Bucket="theirs", Key="secret.txt")["Body"].read(),
        "get around": lambda: s3.get_object(Bucket="mine", Key="../theirs/secret.txt")["Body"].read(),
        "copy": lambda: s3.copy_object(Bucket="mine", Key="got", CopySource={"Bucket": "theirs", "Key": "secret.txt"}),
        "put": lambda: s3.put_object(Bucket="theirs", Key="x", Body=b"x"),
        "delete": lambda: s3.delete_object(Bucket="theirs", Key="secret.txt"),
        "upload": lambda: s3.create_multipart_upload(Bucket="theirs", Key="x"),
        "invoke": lambda: functions.invoke(FunctionName="victim", Payload=b"{}")["Payload"].read(),
        "invoke later": lambda: functions.invoke(FunctionName="victim", InvocationType="Event", Payload=b"{}"),
        "configuration": lambda: functions.get_function_configuration(FunctionName="victim"),
        "functions": functions.list_functions,
        "new code": lambda: functions.update_function_code(FunctionName="victim", ZipFile=b"x"),
        "new function": lambda: functions.create_function(FunctionName="n", Role=f"arn:aws:iam::{ACCOUNT}:role/other", Code={"ZipFile": b"x"}, Handler="a.b", Runtime="python3.12"),
        "forget": lambda: functions.delete_function(FunctionName="victim"),
        "receive": lambda: sqs.receive_message(QueueUrl=url),
        "send": lambda: sqs.send_message(QueueUrl=url, MessageBody="x"),
        "queues": sqs.list_queues,
        "purge": lambda: sqs.purge_queue(QueueUrl=url),
        "log": lambda: logs.filter_log_events(logGroupName="/aws/lambda/victim"),
        "log groups": logs.describe_log_groups,
        "assume": lambda: sts.assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/other", RoleSessionName="me"),
        "session": sts.get_session_token,
        "publish": lambda: sns.publish(TopicArn=f"arn:aws:sns:{REGION}:{ACCOUNT}:theirs", Message="x"),
        "event": lambda: events.put_events(Entries=[{"Source": "a", "DetailType": "b", "Detail": "{}"}]),
        "rules": events.list_rules,
        "item": lambda: tables.get_item(TableName="theirs", Key={"id": {"S": "1"}}),
        "tables": tables.list_tables,
        "as another": lambda: client("s3", aws_access_key_id=event["key"], aws_secret_access_key="x" * 40).get_object(Bucket="theirs", Key="secret.txt"),
        "unsigned": lambda: fetch("/theirs/secret.txt"),
        "credentials": lambda: fetch("/2021-04-23/credentials"),
        "credentials of its own": lambda: fetch("/2021-04-23/credentials", Authorization=os.environ["AWS_SESSION_TOKEN"]),
        **{f"file {name}": lambda name=name: read(f"{state}/{name}") for name in ("keys.json", "credentials.key", "console.token", "journal.db")},
        "control": lambda: connect(f"{state}/control.sock"),
        "file of the daemon's program": lambda: open(event["program"], "r+"),
        "secret file": lambda: read(f"{event['mine']}/../canary") or 1 / 0,
        "directory": lambda: read(f"{event['theirs']}/secret.txt"),
        "its directory": lambda: os.listdir(event["theirs"]) or 1 / 0,
        "environ": lambda: [path for path in glob.glob("/proc/[0-9]*/environ") if event["canary"][::-1] in tried(lambda: read(path).decode("latin-1"))] or 1 / 0,
    }
    open_ = {"own": lambda: s3.get_object(Bucket="mine", Key="a.txt")["Body"].read(), "own file": lambda: read(f"{event['mine']}/a.txt")}
    return {"tries": {name: tried(call) for name, call in tries.items()}, "own": {name: tried(call) for name, call in open_.items()}}

def opened(event, context):
    return {path: tried(lambda path=path: os.listdir(path) or 1 / 0) for path in event}

def planting(event, context):
    def planted(place):
        with open(place, "w") as file:
            file.write("def handler(event, context): return 1")
    return {
        "rename": tried(lambda: os.rename(event["apps"], event["apps"] + "2")),
        "layer": tried(lambda: planted(event["layers"] + "/common.py")),
    }

def victim(event, context):
    return os.environ["SECRET"]
"""
}
CONFIG = """
buckets: {mine: ./mine, theirs: ./theirs, swapped: ./swapped}
queues: {theirs: {}}
topics: {theirs: {}}
tables: {theirs: {hash: id}}
roles:
  bounded:
    policy:
      - {Effect: Allow, Action: "s3:*", Resource: ["arn:aws:s3:::mine", "arn:aws:s3:::mine/*"]}
  other: {policy: [{Effect: Allow, Action: "*", Resource: "*"}]}
functions:
  hostile: {code: ./code, handler: app.handler, timeout: 60, memory: 512, role: bounded}
  offline: {code: ./code, handler: app.handler, timeout: 60, memory: 512, role: bounded, require: [no_network]}
  strict: {code: ./code, handler: app.handler, timeout: 60, memory: 512, role: bounded, isolation: strict}
  planter: {code: ./code, handler: app.planting, timeout: 60, memory: 512}
  nested: {code: ./apps/nested, handler: app.handler, layers: [./layers/common]}
  swapper: {code: ./code, handler: app.opened, timeout: 60, memory: 512, isolation: strict}
  victim: {code: ./code, handler: app.victim, role: other, environment: {SECRET: "${file:./canary}"}}
"""


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    place = tmp_path_factory.mktemp("hostile")
    made = Cloud(place, CONFIG, CODE)
    for bucket, name in (("mine", "a.txt"), ("theirs", "secret.txt")):
        (place / bucket).mkdir()
        (place / bucket / name).write_text(CANARY)
    for name in ("apps/nested/app.py", "layers/common/python/common.py"):
        (place / name).parent.mkdir(parents=True)
        (place / name).write_text("def handler(event, context): return 0")
    (place / "canary").write_text(CANARY)
    (place / "canary").chmod(0o600)
    with made.serving():
        made.router("invoke", "victim")
        yield made


@pytest.mark.parametrize("function", ["hostile", "offline", "strict"])
def test_nothing_of_others_is_reached(cloud: Cloud, function: str) -> None:
    event = {
        "state": str(cloud.state),
        "mine": str(cloud.directory / "mine"),
        "theirs": str(cloud.directory / "theirs"),
        "key": cloud.key()["AccessKeyId"],
        "canary": CANARY[::-1],
        "program": router.__file__,
    }
    event_file = cloud.directory / "event.json"
    event_file.write_text(json.dumps(event))
    said: dict[str, Any] = cloud.router("invoke", function, "-e", str(event_file))
    assert all(CANARY in one for one in said["own"].values()), said["own"]
    assert {name: one for name, one in said["tries"].items() if not one.startswith("refused: ")} == {}
    denied = {name for name, one in said["tries"].items() if "is not authorized to perform: " in one}
    others = {"head", "get around", "session", "as another", "unsigned", "log", "log groups"}  # head: 403 without a text
    assert {
        name for name in said["tries"] if " " not in name or not name.startswith(("file", "secret", "credentials", "its"))
    } - denied <= others | {*("control", "directory", "environ", "credentials")}
    assert not any(CANARY in one for one in said["tries"].values())
    assert sorted(path.name for path in (cloud.directory / "theirs").iterdir() if not path.name.startswith(".")) == ["secret.txt"]
    assert cloud.router("invoke", "victim") == CANARY


def test_variables_that_the_api_sets_open_no_directory(cloud: Cloud) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("app.py", CODE["app.py"])
    wanted = [str(cloud.state / name) for name in ("tables", "logs", "code", "sandbox")]
    wanted += [str(cloud.directory / name) for name in ("theirs", "code")]
    functions = cloud.client("lambda", cloud.key("deployer"))
    functions.create_function(
        FunctionName="opener",
        Role="arn:aws:iam::123456789012:role/bounded",
        Runtime="python3.11",
        Handler="app.opened",
        Timeout=30,
        MemorySize=512,
        Code={"ZipFile": archive.getvalue()},
        Environment={"Variables": {f"PLACE_{number}": path for number, path in enumerate(wanted)}},
    )
    said = json.loads(functions.invoke(FunctionName="opener", Payload=json.dumps(wanted))["Payload"].read())
    own = said.pop(str(cloud.state / "code"))
    assert "known.json" not in own
    assert {path: one for path, one in said.items() if not one.startswith("refused: ")} == {}


def test_a_bucket_whose_directory_becomes_a_link_shows_nothing_of_where_it_leads(cloud: Cloud) -> None:
    s3, place = cloud.client("s3", cloud.key("reader")), cloud.directory / "swapped"
    s3.put_object(Bucket="swapped", Key="a", Body=b"x")
    place.rename(cloud.directory / "former")
    place.symlink_to(cloud.state)
    functions = cloud.client("lambda", cloud.key("invoker"))
    for attempt in (lambda: s3.list_objects_v2(Bucket="swapped"), lambda: s3.get_object(Bucket="swapped", Key="credentials.key")):
        with pytest.raises(ClientError) as refused:
            attempt()
        assert refused.value.response["Error"]["Code"] == "ServiceUnavailable"
    said = json.loads(functions.invoke(FunctionName="swapper", Payload=json.dumps([str(place)]))["Payload"].read())
    assert not {"credentials.key", "tables", "logs"} & set(re.findall(r"[\w.]+", said[str(place)]))


def test_other_functions_code_and_layers_are_neither_written_nor_replaced(cloud: Cloud) -> None:
    functions, place = cloud.client("lambda", cloud.key("planting")), cloud.directory
    event = {"apps": str(place / "apps"), "layers": str(place / "layers/common")}
    said = json.loads(functions.invoke(FunctionName="planter", Payload=json.dumps(event))["Payload"].read())
    assert {name: one for name, one in said.items() if not one.startswith("refused: ")} == {}
    assert [path.name for path in (place / "layers/common").iterdir()] == ["python"]
    assert (place / "apps/nested/app.py").read_text() == "def handler(event, context): return 0"
