"""Custom runtimes: an executable `bootstrap` in the code directory, which asks for its events over the Runtime API."""

import os
from collections.abc import Mapping
from typing import Any

from router.config import programs
from router.config.types import Function
from router.runtime import assignment
from router.runtime.api_link import PORT, ApiLink
from router.runtime.family import Family
from router.runtime.recipe import OnEnd, OnFrame
from router.telemetry import report


class ProvidedRuntime(Family):
    """See Family."""

    def spec(self, function: Function, *, log_stream: str, tmp: str, separator: str) -> Mapping[str, Any]:  # noqa: ARG002
        """See Recipe. A program's records of several lines are several events: it does not know a separator."""
        places = [str(tree / programs.BOOTSTRAP) for tree in (function.code, function.opt) if tree is not None]
        path = next((place for place in places if os.access(place, os.X_OK)), places[0])
        return assignment.program(
            function,
            [path],
            path,
            passes="",
            absent=f"Couldn't find valid bootstrap(s): [{' '.join(places)}]",
            region=self.shared.region,
            log_stream=log_stream,
            tmp=tmp,
            extra=self.shared.added(function),
        )

    def link(self, spec: Mapping[str, Any], on_frame: OnFrame, on_end: OnEnd) -> tuple[ApiLink, Mapping[str, Any]]:  # noqa: ARG002
        """See Recipe."""
        rest = {name: value for name, value in spec.items() if name != PORT}
        apart = bool((spec.get("sandbox") or {}).get("listen"))
        link = ApiLink(on_frame, self.shared.clock.now, spec.get(PORT), apart=apart)
        return link, {**rest, "variables": {**spec["variables"], "AWS_LAMBDA_RUNTIME_API": link.address}}

    def init_start(self, function: Function) -> report.InitStart:
        """See Recipe."""
        name, _, version = function.runtime.partition(".")
        return report.init_start(self.shared.region, f"{name}:{version or 'al2023'}.v1", function.runtime)
