"""A whole daemon whose functions answer on the http listener, to be asked over a socket."""

import http.client
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from tests.helpers.house import House, free_port


class Website(House):
    """The daemon, its port, and its functions' code, which is made first."""

    def __init__(self, directory: Path, config: str, code: Mapping[str, str]) -> None:
        """*config*: with {port} in it, other braces doubled; *code*: files of directory/code, programs where they begin with #!."""
        self.port = free_port()
        (directory / "code").mkdir()
        for name, text in code.items():
            file = directory / "code" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
            if text.startswith("#!"):
                file.chmod(0o755)
        super().__init__(directory, config.format(port=self.port))

    @contextmanager
    def serving(self) -> Iterator["Website"]:
        """Started and ready, its sources too; ended at last."""
        with self:
            self.up()
            yield self

    @contextmanager
    def ask(self, path: str) -> Iterator[http.client.HTTPResponse]:
        """A request whose body is still to be read."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        with closing(connection):
            connection.request("GET", path)
            with connection.getresponse() as answer:
                yield answer
