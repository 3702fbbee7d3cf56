"""The Node.js runtime: workers that become node, with a bootstrap of our own (node_bootstrap/) that speaks frames.

Node cannot be forked warm: an environment starts as fast as node does."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from router.config.types import Function
from router.runtime import Resolved, assignment, resolve
from router.runtime.family import Family
from router.runtime.layers import node_paths
from router.runtime.pipes import Channel
from router.runtime.recipe import OnEnd, OnFrame
from router.runtime.shared import Shared
from router.runtime.starting import Starting
from router.telemetry import report

BOOTSTRAP: Final = Path(__file__).with_name("node_bootstrap") / "main.cjs"
_HTTP_HEADERS: Final = 81920  # bytes of an answer's head that node's client takes, as on AWS; node's own bound is 16384
_HEAP: Final = 0.9  # of the function's memory, for JavaScript objects


class NodeRuntime(Family):
    """See Family."""

    def __init__(self, shared: Shared) -> None:
        super().__init__(shared)
        self.directory = shared.state / "runtime" / "nodejs"  # an operator may install packages for all functions here

    def spec(self, function: Function, *, log_stream: str, tmp: str, separator: str) -> Mapping[str, Any]:
        """See Recipe."""
        resolved = resolve(function.runtime)
        own = (f"{self.directory}/node_modules", f"{function.code}/node_modules", str(function.code))
        return assignment.worker(
            function,
            runtime=resolved.told,
            region=self.shared.region,
            interpreter=resolved.program,
            packages=str(self.directory),
            language={"NODE_PATH": ":".join((*node_paths(function.opt, resolved.version.partition(".")[0]), *own))},
            log_stream=log_stream,
            tmp=tmp,
            separator=separator,
            extra=self.shared.added(function),
        ) | {
            "argv": argv(resolved, function.memory, separator),
            "passes": "frames",
            "absent": f"{resolved.program} is gone; restart the daemon to have it look for node again",
        }

    def link(self, spec: Mapping[str, Any], on_frame: OnFrame, on_end: OnEnd) -> tuple[Channel, Mapping[str, Any]]:
        """See Recipe."""
        return Channel(Starting(on_frame), on_end), spec

    def init_start(self, function: Function) -> report.InitStart:
        """See Recipe."""
        version = resolve(function.runtime).version
        major, minor = version.split(".")[:2]
        return report.init_start(self.shared.region, f"nodejs:{major}.v{minor}", f"node {version}")


def argv(resolved: Resolved, memory: int, separator: str) -> list[str]:
    """The command line of a worker. *memory*: the function's, in MB."""
    options = [f"--max-old-space-size={int(memory * _HEAP)}", f"--max-http-header-size={_HTTP_HEADERS}"]
    return [resolved.program, *options, str(BOOTSTRAP), separator]
