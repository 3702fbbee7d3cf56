"""The http source without a port: triggers as config.yaml spells them, requests handed to it, an outlet that remembers."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from router.config.document import parsed
from router.config.types import Config, Function, Listen, Names, Trigger
from router.events.http import NOBODY, Client, Headers, Request, Response
from router.model import Envelope, Outcome
from router.sources.base import Binding, House
from router.sources.http import HttpSource
from router.sources.http_triggers import HttpTrigger, UrlTrigger
from router.telemetry.metrics import Metrics
from tests.helpers.clock import VirtualClock
from tests.helpers.faces import sent
from tests.helpers.outlet import MemoryOutlet

NOW = 1_790_000_000.25
KINDS: dict[str, type[Trigger]] = {"http": HttpTrigger, "url": UrlTrigger}


def triggers(yaml: str) -> tuple[list[Any], tuple[str, ...]]:
    """The triggers in this YAML list, and the mistakes noted."""
    document, root = parsed(f"triggers: {yaml}\n", Path("config.yaml"), {})
    node = root.child("triggers")
    assert node is not None
    found = []
    for element in node.elements():
        word, value = next(iter(element.items()))
        found.append(KINDS[word].read(value, Names({}, {})))
    return found, document.problems.lines()


class Rig:
    """One source; *functions*: the triggers of each, as a YAML list."""

    def __init__(self, answer: Callable[[Envelope], Any] | Any = None, **functions: str) -> None:
        self.metrics, self.clock = Metrics(), VirtualClock(NOW)
        config = Config(Path("/c/config.yaml"), Path("/s"), http=Listen("off"))
        house = House(config, self.clock, None, self.metrics)  # type: ignore[arg-type]
        bindings = []
        for name, yaml in functions.items():
            found, mistakes = triggers(yaml)
            assert not mistakes, mistakes
            function = Function(name, Path("/code"), "app.handler")
            bindings += [Binding(function, trigger, index) for index, trigger in enumerate(found)]
        (self.source,) = HttpSource.build(bindings, house)
        said = answer if callable(answer) or answer is None else lambda _: Outcome(json.dumps(answer).encode())
        self.outlet = MemoryOutlet(said)
        self.source.places.line.outlet = self.outlet
        self.learned: tuple[Headers, dict[Any, Any]] = ((), {})  # as a listener keeps it for one connection

    async def ask(
        self,
        target: str = "/",
        method: str = "GET",
        headers: Sequence[tuple[str, str]] = (),
        body: bytes = b"",
        *,
        host: str = "localhost:8080",
        client: Client = NOBODY,
    ) -> Response:
        """The answer to one request."""
        request: Request = sent(method, target, headers, body, host=host)
        if request.headers != self.learned[0]:
            self.learned = (request.headers, {})
        request = request._replace(learned=self.learned[1], client=client)
        return await self.source.handle(request)

    def events(self) -> list[Any]:
        """The events of all invocations, parsed."""
        return [json.loads(envelope.payload) for envelope in self.outlet.invoked]

    def counted(self, line: str) -> bool:
        """Whether the metrics hold this line."""
        return f"\n{line}\n" in self.metrics.exposition()


def told(response: Response) -> Any:
    """A JSON body."""
    assert isinstance(response.body, bytes)
    return json.loads(response.body)
