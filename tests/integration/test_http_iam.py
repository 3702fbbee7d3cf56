"""A signed function URL of a whole daemon, over a socket: keys made and revoked beside it, botocore as the signer."""

import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.helpers.house import free_port
from tests.helpers.website import Website

CONFIG = """\
version: 1
state: ./state
listen: {{http: "127.0.0.1:{port}", aws: "127.0.0.1:<aws>", console: off}}
functions:
  f: {{code: ./code, handler: app.handler, triggers: [{{url: iam}}]}}
"""
CODE = {"app.py": "def handler(event, context):\n    return {'who': event['requestContext']['authorizer'], 'body': event.get('body')}\n"}


@pytest.fixture(scope="module")
def aws() -> str:
    return str(free_port())


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, aws: str) -> Iterator[Website]:
    with Website(tmp_path_factory.mktemp("iam"), CONFIG.replace("<aws>", aws), CODE).serving() as made:
        yield made


def router(site: Website, *words: str) -> Any:
    command = [sys.executable, "-m", "router.cli", "--config", str(site.config), "--output", "json", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def ask(site: Website, key: dict[str, str], url: str, body: bytes = b"") -> tuple[int, Any]:
    request = AWSRequest("POST", url, data=body, headers={"Content-Type": "text/plain"})
    SigV4Auth(Credentials(key["AccessKeyId"], key["SecretAccessKey"]), "lambda", "us-east-1").add_auth(request)
    at = urlsplit(request.url)
    with closing(http.client.HTTPConnection("127.0.0.1", site.port, timeout=30)) as connection:
        headers = dict(request.headers.items()) | {"Host": at.netloc}
        connection.request("POST", f"{at.path}?{at.query}" if at.query else at.path, body, headers)
        with connection.getresponse() as answer:
            return answer.status, json.loads(answer.read())


def test_a_key_opens_the_url_until_it_is_revoked(site: Website) -> None:
    key = router(site, "keys", "create", "ann", "--scope", "invoke")
    for host in (f"127.0.0.1:{site.port}/_url/f", f"f.lambda-url.us-east-1.localhost:{site.port}"):
        status, said = ask(site, key, f"http://{host}/a/b%20c?x=1", "hällo".encode())
        assert (status, said["body"]) == (200, "hällo")
        assert said["who"]["iam"]["userArn"] == "arn:aws:iam::123456789012:user/ann"
    router(site, "keys", "revoke", key["AccessKeyId"])
    assert ask(site, key, f"http://127.0.0.1:{site.port}/_url/f/") == (
        403,
        {"message": "The security token included in the request is invalid."},
    )
    log = site.log.read_text()
    assert "key_created" in log
    assert "key_revoked" in log
    assert key["SecretAccessKey"] not in log


def test_others_are_refused(site: Website) -> None:
    reader = router(site, "keys", "create", "bob", "--scope", "read")
    url = f"http://127.0.0.1:{site.port}/_url/f/"
    assert ask(site, reader, url) == (403, {"Message": "Forbidden"})
    status, said = ask(site, reader | {"SecretAccessKey": "x" * 40}, url)
    assert (status, said["message"][:50]) == (403, "The request signature we calculated does not match")
    with site.ask("/_url/f/") as answer:
        assert (answer.status, json.loads(answer.read())) == (403, {"Message": "Forbidden"})


def test_what_add_permission_says_counts_at_the_url(site: Website, aws: str) -> None:
    admin, carol = (router(site, "keys", "create", name, "--scope", scope) for name, scope in (("root", "admin"), ("carol", "read")))
    url = f"http://127.0.0.1:{site.port}/_url/f/"
    lambda_ = boto3.client(
        "lambda",
        endpoint_url=f"http://127.0.0.1:{aws}",
        region_name="us-east-1",
        aws_access_key_id=admin["AccessKeyId"],
        aws_secret_access_key=admin["SecretAccessKey"],
    )
    more: list[dict[str, Any]] = [{"FunctionUrlAuthType": "AWS_IAM"}, {"InvokedViaFunctionUrl": True}]
    with closing(lambda_):
        for action, conditions in zip(("lambda:InvokeFunctionUrl", "lambda:InvokeFunction"), more, strict=True):
            assert ask(site, carol, url)[0] == 403
            grant = {"StatementId": action[7:], "Action": action, "Principal": "arn:aws:iam::123456789012:user/carol"}
            lambda_.add_permission(FunctionName="f", **grant, **conditions)
        assert ask(site, carol, url)[0] == 200
        lambda_.remove_permission(FunctionName="f", StatementId="InvokeFunction")
        assert ask(site, carol, url)[0] == 403


def test_what_is_kept_holds_no_secret_and_is_the_owner_s_alone(site: Website) -> None:
    key = router(site, "keys", "create", "eve", "--scope", "admin")
    assert key["AccessKeyId"] in [row["id"] for row in router(site, "keys", "list")]
    for path in Path(site.state).glob("*"):
        if path.is_file() and path.stat().st_size:
            assert key["SecretAccessKey"].encode() not in path.read_bytes(), path
    for name in ("keys.json", "credentials.key", "keys.lock"):
        assert (site.state / name).stat().st_mode & 0o077 == 0
