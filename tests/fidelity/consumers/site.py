"""One daemon that serves every app behind every face, each under a path of its own: /FACE-APP/…"""

import json
import shutil
from collections.abc import Iterable, Sequence
from importlib.metadata import distribution
from pathlib import Path
from typing import Any, Final, NamedTuple

from router.runtime import packages
from tests.fidelity.consumers.exchange import Answer, ask
from tests.fidelity.consumers.table import Row
from tests.helpers.house import House, free_port

Headers = Sequence[tuple[str, str]]
HERE: Final = Path(__file__).parent
NODE: Final = HERE / "node"


class Python(NamedTuple):
    """A function of its own deployment package."""

    handler: str  # of a file in apps/
    distributions: Sequence[str] = ()  # copied into the package with all they require
    alone: Sequence[str] = ()  # copied without


PYTHON: Final = {
    "fastapi": Python("fastapi_app.handler", ("fastapi", "mangum", "python-multipart")),
    "flask": Python("flask_app.handler", ("flask", "serverless-wsgi", "apig-wsgi")),
    "flask-apig": Python("flask_app.apig_handler", ("flask", "serverless-wsgi", "apig-wsgi")),
    "teller": Python("teller.handler"),
    "keeper": Python("keeper.handler"),
    "powertools": Python("powertools_app.handler", ("aws-lambda-powertools",)),
    **{f"guard-{name}": Python(f"guard_app.{name}", ("aws-lambda-powertools",)) for name in ("token", "request", "v2", "simple")},
    "guard-chalice": Python("chalice_app.auth", alone=("chalice",)),
    "chalice": Python("chalice_app.app", alone=("chalice",)),  # what it requires is for deploying, not for running
}
REQUEST_SOURCE: Final = "identity_source: [method.request.header.Authorization]"
V2_SOURCE: Final = "identity_source: [$request.header.Authorization]"
GUARDED: Final = {  # path → what stands before teller there
    "token": "api: rest, authorizer: {function: guard-token, type: token, ttl: 0}",
    "request": f"api: rest, authorizer: {{function: guard-request, type: request, ttl: 0, {REQUEST_SOURCE}}}",
    "v1": f'authorizer: {{function: guard-request, payload_format_version: "1.0", {V2_SOURCE}}}',
    "v2": f"authorizer: {{function: guard-v2, {V2_SOURCE}}}",
    "simple": f"authorizer: {{function: guard-simple, simple_responses: true, {V2_SOURCE}}}",
    "chalice": "api: rest, authorizer: {function: guard-chalice, type: token}",
}
HOOK: Final = "/hooks/keep"
HOOK_SECRET: Final = "0123456789abcdef0123456789abcdef"
NODE_APPS: Final = ("express", "hono", "middy")
CHALICE: Final = (
    "GET /chalice/pets/{name}",
    "DELETE /chalice/pets/{name}",
    "POST /chalice/pets",
    "PUT /chalice/pets",
    "GET /chalice/raw",
    "GET /chalice/old",
)
TRIGGERS: Final = {  # the variable is not called proxy: serverless-express would take its value for the path
    "http": '{{route: "ANY /http-{app}/{{path+}}"}}',
    "http1": '{{route: "ANY /http1-{app}/{{path+}}", payload_format_version: "1.0"}}',
    "rest": '{{route: "ANY /rest-{app}/{{path+}}", api: rest, binary_media_types: ["*/*"]}}',
    "alb": '{{route: "ANY /alb-{app}/{{path+}}", api: alb}}',
    "albmulti": '{{route: "ANY /albmulti-{app}/{{path+}}", api: alb, multi_value: true}}',
}
CONFIG: Final = """
version: 1
state: ./state
listen: {{http: "127.0.0.1:{port}", aws: "off", console: "off"}}
functions:
{functions}
"""


def package(directory: Path, wanted: Python) -> Path:
    """A deployment package in *directory*: the handler's file beside copies of what it imports."""
    directory.mkdir(parents=True)
    found: dict[str, Path] = {}
    for name in wanted.distributions:
        found |= packages.entries(packages.closure(name))
    found |= packages.entries([distribution(name) for name in wanted.alone])
    for name, origin in found.items():
        if origin.is_dir():
            shutil.copytree(origin, directory / name)
        elif origin.exists():
            shutil.copy2(origin, directory / name)
    for file in (f"{wanted.handler.partition('.')[0]}.py", "edge.py"):
        shutil.copy2(HERE / "apps" / file, directory / file)
    return directory


class Site(House):
    """The daemon, and requests to it."""

    def __init__(self, directory: Path, *, faces: Iterable[str], apps: Iterable[str]) -> None:
        self.port = free_port()
        self.faces = tuple(faces)
        functions = "\n".join(self._function(directory, app) for app in dict.fromkeys(apps))
        super().__init__(directory, CONFIG.format(port=self.port, functions=functions))

    def _function(self, directory: Path, app: str) -> str:
        if app in NODE_APPS:
            code, lines = NODE, f"handler: {app}.handler\n    runtime: nodejs"
        else:
            code, lines = package(directory / "code" / app, PYTHON[app]), f"handler: {PYTHON[app].handler}"
        if app == "keeper":
            lines += f"\n    environment: {{KEPT: {directory / 'kept.json'}}}"
        head = [f"  {app}:", f"    code: {code}", f"    {lines}", "    timeout: 25", "    memory: 512", "    triggers:"]
        return "\n".join([*head, *(f"      - {trigger}" for trigger in self._triggers(app))])

    def _triggers(self, app: str) -> list[str]:
        if app == "keeper":
            return [f"webhook: {{path: {HOOK}, provider: github, secret: {HOOK_SECRET}}}"]
        if app.startswith("guard-"):
            return ["url: {auth: none, enabled: false}"]
        if app == "chalice":  # it routes by resource, so each route is one
            return [f'http: {{route: "{route}", api: rest, binary_media_types: [application/octet-stream]}}' for route in CHALICE]
        triggers = [f"http: {TRIGGERS[face].format(app=app)}" for face in self.faces if face in TRIGGERS]
        if "url" in self.faces:
            triggers.append("url: {auth: none}")
        if app == "teller":
            triggers += [f'http: {{route: "ANY /guarded/{name}/{{path+}}", {guard}}}' for name, guard in GUARDED.items()]
        return triggers

    def send(self, face: str, app: str, row: Row) -> Answer:
        """The request of a row to *app* behind *face*."""
        return self.ask(face, app, row.method, row.target, row.headers, row.body)

    def ask(self, face: str, app: str, method: str, target: str, headers: Headers = (), body: bytes = b"") -> Answer:  # noqa: PLR0917
        """Any request to *app* behind *face*; *target* is what follows the path of the two."""
        host = f"{app}.lambda-url.us-east-1.localhost" if face == "url" else ""
        return ask(self.port, method, f"/{face}-{app}{target}", list(headers), body, host=host)

    def kept(self, body: bytes, headers: Headers) -> Any:
        """The event that a signed webhook delivery becomes."""
        kept = self.directory / "kept.json"
        kept.unlink(missing_ok=True)
        answer = ask(self.port, "POST", f"{HOOK}?from=here", list(headers), body)
        assert answer.status == 202, answer
        assert self.until(kept.exists, 10), self.log.read_text()
        return json.loads(kept.read_text())

    def told(self, face: str, method: str, target: str, headers: Headers = (), body: bytes = b"") -> Any:
        """The event that a request becomes behind *face*."""
        answer = self.ask(face, "teller", method, target, headers, body)
        assert answer.status == 200, answer
        return json.loads(answer.body)
