"""A directory with a handler in it, and a way to see what a config file comes to."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Self

import pytest

from router.config.functions import Runtimes
from router.config.load import load
from router.config.node import Node
from router.config.types import Config, Names
from router.errors import ConfigError
from router.iam.reading import mistakes_in


@dataclass(frozen=True, slots=True)
class Knock:
    """A trigger of the tests': `knock: DOOR`; a door has one knocker."""

    word: ClassVar[str] = "knock"
    door: str
    loud: bool = False

    @classmethod
    def read(cls, node: Node, names: Names) -> Self:
        form = node.form(main="door", known=("door", "loud"))
        return cls(form.text("door", pattern="[a-z]+", what="a door's name"), form.boolean("loud", default=False))

    @property
    def claim(self) -> str:
        return f"door {self.door}"


@dataclass(frozen=True, slots=True)
class Drop:
    """Another, that may be shared and refers to a bucket."""

    word: ClassVar[str] = "s3"
    bucket: str

    @classmethod
    def read(cls, node: Node, names: Names) -> Self:
        form = node.form(main="bucket", known=("bucket",))
        return cls(form.choice("bucket", None, tuple(names.buckets) or ("",)))

    @property
    def claim(self) -> str:
        return ""


TRIGGERS: dict[str, Any] = {"knock": Knock, "s3": Drop}

BASE = """\
version: 1
functions:
  f:
    code: ./code
    handler: app.handler
"""


class Place:
    """A directory that holds config.yaml and code/app.py."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.file = root / "config.yaml"
        (root / "code").mkdir()
        (root / "code/app.py").write_text("raise SystemExit('never imported')\nhandler = None\n")

    def load(self, text: str | bytes, environ: Mapping[str, str] | None = None, runtimes: Runtimes | None = None) -> Config:
        self.file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load(
            self.file,
            TRIGGERS,
            environ=environ or {},
            runtimes=runtimes,
            policies=mistakes_in,
            resource_policies=partial(mistakes_in, kind="resource"),
            trust_policies=partial(mistakes_in, kind="trust"),
        )

    def mistakes(self, text: str | bytes, environ: Mapping[str, str] | None = None, runtimes: Runtimes | None = None) -> list[str]:
        """All mistakes, with this directory's path told as DIR."""
        with pytest.raises(ConfigError) as caught:
            self.load(text, environ, runtimes)
        return [problem.replace(str(self.root), "DIR") for problem in caught.value.problems]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)
