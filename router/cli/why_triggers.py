"""`router why PATH|URL` and `--event`: which triggers match, and why the others do not."""

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import click

from router.api import explaining
from router.cli.exits import Exit, fail
from router.cli.settings import Settings
from router.cli.show import rows
from router.clock import SystemClock
from router.daemon import check, sources
from router.events.http import Request
from router.sources.base import House
from router.sources.http import HttpSource
from router.telemetry.metrics import Metrics

if TYPE_CHECKING:
    from router.config.types import Config

HEADERS: Final = {"function": "FUNCTION", "trigger": "TRIGGER", "matches": "MATCHES", "why": "WHY"}
_REQUEST: Final = re.compile(r"(?:([A-Z]{1,20}) )?((?:https?://[^/]*)?/.*|https?://[^/]*)")


def explain(settings: Settings, thing: str, event: str) -> None:
    """Tell it; exit 1 when nothing matches. *thing*: a path, or a request; *event*: a file, or -."""
    config = check(settings.existing_config())
    found = explaining.of_event(_read(event), config) if event else _of(thing, config)
    told = [finding._asdict() for finding in found]
    rows(settings, [row if settings.json else row | {"matches": "yes" if row["matches"] else "no"} for row in told], HEADERS, "no triggers")
    if not any(finding.matches for finding in found):
        raise SystemExit(Exit.FAILED)


def _of(thing: str, config: "Config") -> list[explaining.Finding]:
    """A method or a scheme makes it a request; anything else is a path."""
    asked = _REQUEST.fullmatch(thing)
    if asked is None or not (asked[1] or asked[2].startswith("http")):
        return explaining.of_path(Path(thing).absolute(), config)
    url = urlsplit(asked[2])
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    request = Request(asked[1] or "GET", target, [("host", url.netloc)] if url.netloc else [], host=url.netloc)
    house = House(config, SystemClock(), None, Metrics())  # type: ignore[arg-type]  # what is built here is never run
    served = [source for source in sources(house) if isinstance(source, HttpSource)]
    if not served:
        fail("the config has no http, url or webhook trigger")
    return explaining.of_request(request, served[0])


def _read(event: str) -> Any:
    import json  # noqa: PLC0415 - only here

    try:
        return json.loads(sys.stdin.read() if event == "-" else Path(event).read_text())
    except OSError as error:
        raise click.BadParameter(f"{event}: {error.strerror}", param_hint="--event") from error
    except ValueError as error:
        raise click.BadParameter(f"{event} is not JSON: {error}", param_hint="--event") from error
