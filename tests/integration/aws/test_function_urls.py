"""Function URLs made through the API, and asked."""

import io
import json
import zipfile
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from tests.helpers.endpoint import Cloud
from tests.helpers.house import free_port

CONFIG = """
roles: {worker: {policy: [{Effect: Allow, Action: "sqs:*", Resource: "*"}]}}
functions: {ours: {code: ./code, handler: app.handler, triggers: [{url: {auth: none}}]}}
"""
CODE = {"app.py": "def handler(event, context):\n    return {'path': event['rawPath'], 'host': event['requestContext']['domainName']}\n"}
ROLE = "arn:aws:iam::123456789012:role/worker"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with Cloud(tmp_path_factory.mktemp("cloud"), CONFIG, CODE, http=f"127.0.0.1:{free_port()}").serving() as made:
        yield made


@pytest.fixture(scope="module")
def client(cloud: Cloud, key: dict[str, str]) -> Any:
    made, held = cloud.client("lambda", key), io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("app.py", CODE["app.py"])
    made.create_function(FunctionName="public", Runtime="python3.11", Role=ROLE, Handler="app.handler", Code={"ZipFile": held.getvalue()})
    return made


def asked(url: str, path: str) -> tuple[int, Any]:
    """Status and body of what is under a URL, whose host is this machine."""
    parts = urlsplit(url)
    connection = HTTPConnection("127.0.0.1", parts.port, timeout=20)
    connection.request("GET", path, headers={"Host": parts.netloc})
    answer = connection.getresponse()
    status, body = answer.status, json.loads(answer.read())
    connection.close()
    return status, body


def refused(run: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as raised:
        run(**parameters)
    return str(raised.value.response["Error"]["Code"])


def test_a_url_is_made_asked_changed_and_taken_away(client: Any) -> None:
    assert refused(client.get_function_url_config, FunctionName="public") == "ResourceNotFoundException"
    made = client.create_function_url_config(FunctionName="public", AuthType="NONE", Cors={"AllowOrigins": ["*"], "MaxAge": 60})
    assert made["FunctionUrl"].startswith("http://public.lambda-url.us-east-1.localhost")
    assert asked(made["FunctionUrl"], "/a/b") == (200, {"path": "/a/b", "host": urlsplit(made["FunctionUrl"]).hostname})
    assert refused(client.create_function_url_config, FunctionName="public", AuthType="NONE") == "ResourceConflictException"
    changed = client.update_function_url_config(FunctionName="public", InvokeMode="RESPONSE_STREAM")
    assert (changed["InvokeMode"], changed["AuthType"], changed["Cors"]["MaxAge"]) == ("RESPONSE_STREAM", "NONE", 60)
    client.update_function_url_config(FunctionName="public", AuthType="AWS_IAM")
    assert asked(made["FunctionUrl"], "/")[0] == 403
    client.delete_function_url_config(FunctionName="public")
    assert client.list_function_url_configs(FunctionName="public")["FunctionUrlConfigs"] == []
    assert asked(made["FunctionUrl"], "/")[0] == 403


def test_a_url_of_config_yaml(client: Any) -> None:
    found = client.get_function_url_config(FunctionName="ours")
    assert asked(found["FunctionUrl"], "/x")[1]["path"] == "/x"
    assert refused(client.update_function_url_config, FunctionName="ours", InvokeMode="BUFFERED") == "ResourceConflictException"
