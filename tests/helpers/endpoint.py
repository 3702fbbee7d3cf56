"""A whole daemon with its AWS endpoint, and boto3 clients for it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import boto3
from botocore.config import Config

from tests.helpers.house import ROOT, House, free_port

REGION = "us-east-1"
LISTEN = 'version: 1\nstate: ./state\nlisten: {{http: {http}, aws: "127.0.0.1:{port}", console: off}}\n'


class Cloud(House):
    """The daemon, the port of its endpoint, and its functions' code, which is made first."""

    def __init__(self, directory: Path, config: str, code: Mapping[str, str] | None = None, http: str = "off") -> None:
        """*config*: what follows after the listeners; *code*: files of directory/code; *http*: the listener of routes and URLs."""
        self.port = free_port()
        (directory / "code").mkdir()
        for name, text in (code or {}).items():
            (directory / "code" / name).write_text(text)
        super().__init__(directory, LISTEN.format(port=self.port, http=http) + config)

    @property
    def url(self) -> str:
        """For AWS_ENDPOINT_URL."""
        return f"http://127.0.0.1:{self.port}"

    @contextmanager
    def serving(self) -> Iterator[Self]:
        """Started and ready, its sources too; ended at last."""
        with self:
            self.up()
            yield self

    def router(self, *words: str) -> Any:
        """What a command of ours prints."""
        command = [sys.executable, "-m", "router.cli", "--config", str(self.config), "--output", "json", *words]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def key(self, name: str = "ann", scope: str = "admin") -> dict[str, str]:
        """A new access key, for client()."""
        made: dict[str, str] = self.router("keys", "create", name, "--scope", scope)
        return made

    def aws(self, key: Mapping[str, str], *words: str) -> Any:
        """What the AWS CLI prints, parsed; None for nothing."""
        environ = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        environ |= {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
        environ |= {"AWS_ENDPOINT_URL": self.url, "AWS_DEFAULT_REGION": REGION, "HOME": str(self.directory)}
        done = subprocess.run(
            [sys.executable, "-m", "awscli", *words], env=environ, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    def client(self, service: str, key: Mapping[str, str], *, region: str = REGION, **settings: Any) -> Any:
        """A client that tries once. *key*: as key() gives it, or Credentials of AssumeRole."""
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=region,
            aws_access_key_id=key["AccessKeyId"],
            aws_secret_access_key=key["SecretAccessKey"],
            aws_session_token=key.get("SessionToken"),
            config=Config(retries={"total_max_attempts": 1}, read_timeout=30, **settings),
        )
