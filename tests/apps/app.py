"""One sample application, served by the command as an operator would start it, and the clients that drive it."""

import http.client
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Self, TypeVar

from tests.helpers.house import ROOT, House, free_port

APPS = Path(__file__).parent
REGION = "us-east-1"
ACCOUNT = "123456789012"
PATIENCE = 90.0  # seconds for one thing to happen; on a quiet machine it takes a fraction of one

T = TypeVar("T")


class Answer(NamedTuple):
    """What a client of the http listener got."""

    status: int
    headers: dict[str, str]  # names lower-case
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class App(House):
    """A copy of an application's directory, and the daemon that serves its template."""

    def __init__(self, name: str, directory: Path, *options: str) -> None:
        shutil.copytree(APPS / name, directory, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
        self.directory, self.options = directory, options
        assembly = directory / "cdk.out"
        self.template = assembly if assembly.exists() else directory / "template.yaml"
        self.state, self.log = directory / "state", directory / "daemon.log"
        self.config = self.state / "config.yaml"
        self.port, self.aws_port = free_port(), free_port()
        self.process = None
        self._clients: dict[str, Any] = {}

    def start(self, *, step: str = "", count: int = 0) -> None:
        """`router run --template template.yaml`, or cdk.out."""
        assert not step
        assert not count
        command = [sys.executable, "-m", "router.cli", "run", "--template", str(self.template), *self._listen(), *self.options]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | {"PYTHONPATH": str(ROOT)}
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(command, cwd=self.directory, stdout=out, stderr=out, start_new_session=True, env=environment)

    def _listen(self) -> list[str]:
        listeners = {"http": f"127.0.0.1:{self.port}", "aws": f"127.0.0.1:{self.aws_port}", "console": "off"}
        return [word for name, address in listeners.items() for word in ("--listen", f"{name}={address}")]

    def __exit__(self, *_: object) -> None:
        for client in self._clients.values():
            client.close()
        super().__exit__()

    def __enter__(self) -> Self:
        self.start()
        try:
            assert self.ready(PATIENCE), self.said()
            assert self.until(lambda: self.get("/status")["ready"], PATIENCE), self.said()
        except BaseException:
            self.kill()
            raise
        return self

    def said(self) -> str:
        """The end of the daemon's log."""
        return self.log.read_text(errors="replace")[-4000:]

    def cli(self, *words: str) -> Any:
        """The command `router` on this application; its JSON."""
        command = [sys.executable, "-m", "router.cli", *words, "--config", str(self.config), "--output", "json"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr + self.said()
        return json.loads(done.stdout or "null")

    def http(self, method: str, path: str, body: Any = b"", headers: dict[str, str] | None = None) -> Answer:
        """One request to the http listener; a body that is no bytes is sent as JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        try:
            connection.request(
                method, path, content, ({} if isinstance(body, bytes) else {"content-type": "application/json"}) | (headers or {})
            )
            answer = connection.getresponse()
            return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def invoke(self, function: str, event: Any) -> Any:
        """One synchronous invocation through the control socket; its result."""
        status, headers, body = self.request("POST", f"/functions/{function}/invocations", json.dumps(event).encode())
        assert (status, headers.get("x-amz-function-error")) == (200, None), body
        return json.loads(body)

    def seen(self, what: str, look: Callable[[], T | None]) -> T:
        """Look until something is there."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            found = look()
            if found:
                return found
            time.sleep(0.03)
        raise AssertionError(f"waited for {what}\n{self.said()}")

    def logged(self, function: str, wanted: str) -> str:
        """A line of a function's log that holds *wanted*."""

        def look() -> str | None:
            files = (self.state / "logs/aws/lambda" / function).rglob("*.jsonl")
            lines = [line for file in files for line in file.read_text(errors="replace").splitlines() if wanted in line]
            return lines[0] if lines else None

        return self.seen(f"{wanted} in the log of {function}", look)

    # -- AWS's SDK, as an operator

    @cached_property
    def _key(self) -> dict[str, str]:
        body = json.dumps({"name": "operator", "scopes": ["admin"], "policy": None}).encode()
        status, _, answer = self.request("POST", "/keys", body)
        assert status < 300, answer
        found: dict[str, str] = json.loads(answer)
        return found

    def client(self, service: str) -> Any:
        """A boto3 client at this daemon's endpoint."""
        import boto3

        if service not in self._clients:
            session = boto3.session.Session(self._key["AccessKeyId"], self._key["SecretAccessKey"], region_name=REGION)
            self._clients[service] = session.client(service, endpoint_url=f"http://127.0.0.1:{self.aws_port}")
        return self._clients[service]

    def received(self, queue: str, count: int = 1) -> list[dict[str, Any]]:
        """So many messages of a queue, received and deleted, and no more of them waiting."""
        sqs, found = self.client("sqs"), list[dict[str, Any]]()
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]

        def look() -> bool:
            for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]).get("Messages", []):
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                found.append(message)
            return len(found) >= count

        self.seen(f"{count} messages in {queue}", look)
        assert not look() or len(found) == count, found
        return found

    def object(self, bucket: str, key: str) -> dict[str, Any]:
        """GetObject, once there is one."""
        s3 = self.client("s3")

        def look() -> dict[str, Any] | None:
            try:
                found: dict[str, Any] = s3.get_object(Bucket=bucket, Key=key)
            except s3.exceptions.NoSuchKey:
                return None
            return found

        return self.seen(f"{bucket}/{key}", look)
