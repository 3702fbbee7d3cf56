"""One daemon that serves every app behind every face, each under a path of its own: /FACE-APP/…"""

import json
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from router.runtime import packages
from tests.fidelity.consumers.exchange import Answer, ask
from tests.fidelity.consumers.table import Row
from tests.helpers.house import House, free_port

Headers = Sequence[tuple[str, str]]
HERE: Final = Path(__file__).parent
NODE: Final = HERE / "node"
PYTHON_APPS: Final = {  # handler, and the distributions it needs
    "fastapi": ("fastapi_app.handler", ("fastapi", "mangum", "python-multipart")),
    "flask": ("flask_app.handler", ("flask", "serverless-wsgi", "apig-wsgi")),
    "teller": ("teller.handler", ()),
    "flask-apig": ("flask_app.apig_handler", ("flask", "serverless-wsgi", "apig-wsgi")),
}
NODE_APPS: Final = ("express", "hono")
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


def package(directory: Path, distributions: Iterable[str], files: Iterable[Path]) -> Path:
    """A deployment package: *files* beside copies of *distributions* and what they require."""
    directory.mkdir(parents=True)
    found = {}
    for distribution in distributions:
        found.update(packages.entries(packages.closure(distribution)))
    for name, origin in found.items():
        if origin.is_dir():
            shutil.copytree(origin, directory / name)
        elif origin.exists():
            shutil.copy2(origin, directory / name)
    for file in files:
        shutil.copy2(file, directory / file.name)
    return directory


class Site(House):
    """The daemon, and requests to it."""

    def __init__(self, directory: Path, *, faces: Iterable[str], apps: Iterable[str]) -> None:
        self.port = free_port()
        self.faces = tuple(faces)
        functions = "\n".join(self._function(directory, app) for app in apps)
        super().__init__(directory, CONFIG.format(port=self.port, functions=functions))

    def _function(self, directory: Path, app: str) -> str:
        if app in NODE_APPS:
            code, lines = NODE, node_function(app)
        else:
            handler, distributions = PYTHON_APPS[app]
            files = (HERE / f"apps/{handler.partition('.')[0]}.py", HERE / "apps/edge.py")
            code, lines = package(directory / "code" / app, distributions, files), f"handler: {handler}"
        triggers = [f"      - http: {TRIGGERS[face].format(app=app)}" for face in self.faces if face in TRIGGERS]
        triggers += ["      - url: {auth: none}"] if "url" in self.faces else []
        head = [f"  {app}:", f"    code: {code}", f"    {lines}", "    timeout: 25", "    memory: 512", "    triggers:"]
        return "\n".join([*head, *triggers])

    def send(self, face: str, app: str, row: Row) -> Answer:
        """The request of a row to *app* behind *face*."""
        return self.ask(face, app, row.method, row.target, row.headers, row.body)

    def ask(self, face: str, app: str, method: str, target: str, headers: Headers = (), body: bytes = b"") -> Answer:  # noqa: PLR0917
        """Any request to *app* behind *face*; *target* is what follows the path of the two."""
        host = f"{app}.lambda-url.us-east-1.localhost" if face == "url" else ""
        return ask(self.port, method, f"/{face}-{app}{target}", list(headers), body, host=host)

    def told(self, face: str, method: str, target: str, headers: Headers = (), body: bytes = b"") -> Any:
        """The event that a request becomes behind *face*."""
        answer = self.ask(face, "teller", method, target, headers, body)
        assert answer.status == 200, answer
        return json.loads(answer.body)


def node_function(app: str) -> str:
    """How config.yaml says that a function runs under node. With a native runtime: `runtime: nodejs20.x, handler: APP.handler`."""
    program = shutil.which("node") or "node"
    return f"handler: shim.handler\n    environment: {{NODE: {program}, NODE_HANDLER: {app}.handler}}"
