"""What `router run` says on a terminal: what is served, and what to try first. Pure."""

from collections.abc import Iterator
from pathlib import Path
from shlex import quote
from typing import Any, Final

from router.cli.text import columns, visible
from router.config.types import Config, Function, ItemTable, Listen, Table
from router.events.function_url import URL_PREFIX, url_domain
from router.sources.http_triggers import HttpTrigger

PATTERN: Final = 100  # characters of a rule's pattern
MOST: Final = 6  # lines of one kind; the rest is counted


def banner(config: Config, version: str, here: Path, command: str = "router", token: str = "") -> Iterator[str]:
    """The lines; paths below *here* are written as they are typed from there. *command*: how this program is, see typed(). *token*: the console's."""
    yield f"event-router {version} · {visible(str(config.file))}"
    rows: list[tuple[str, str]] = []
    for title, found in (
        ("routes", _routes(config)),
        ("urls", _function_urls(config)),
        ("buckets", _buckets(config, here)),
        ("rules", _rules(config)),
        ("feeds", _feeds(config, here)),
        ("queues", _queues(config)),
        ("topics", _topics(config)),
        ("logs", _logs(config)),
        ("schedules", _schedules(config)),
        ("aws", [f"AWS_ENDPOINT_URL={_url(config.aws)}"] if config.aws.kind == "tcp" else []),
        ("console", [f"{_url(config.console)}/#token={token}"] if config.console.kind == "tcp" else []),
    ):
        shown = found if len(found) <= MOST else [*found[: MOST - 1], f"… and {len(found) - MOST + 1} more"]
        rows += [(title if first else "", visible(text)) for first, text in zip([True, *[False] * len(shown)], shown, strict=False)]
    yield from (f"  {line}" for line in columns(rows, None))
    hints = [visible(hint) for hint in _hints(config, here, command)]
    if hints:
        yield "Try, in another terminal:"
        yield from (f"  {hint}" for hint in hints)
    yield "Ctrl-C drains and stops; a second one stops at once."


def typed(argv: str, interpreter: str, found: str | None, here: Path) -> str:
    """How this program is called from *here*: sys.argv[0], sys.executable, and where a shell finds `router`; all absolute."""
    if Path(argv).name == "__main__.py":
        return f"{quote(_near(Path(interpreter), here))} -m router.cli"
    return "router" if found == argv else quote(_near(Path(argv), here))


def _triggers(config: Config, word: str) -> Iterator[tuple[Function, Any]]:
    for function in config.functions.values():
        for trigger in function.triggers:
            if trigger.word == word:
                yield function, trigger


def _routes(config: Config) -> list[str]:
    where = _url(config.http)
    found = [f"{where} {_place(trigger)} → {function.name}" for function, trigger in _triggers(config, "http")]
    return found + [f"{where} {trigger.route.key} → {function.name}" for function, trigger in _triggers(config, "webhook")]


def _place(trigger: HttpTrigger) -> str:
    """METHOD and path, below the base path."""
    method, space, path = trigger.route.key.partition(" ")
    return f"{method}{space}{trigger.base_path}{path}"


def _function_urls(config: Config) -> list[str]:
    """Both addresses of each: by host, and by path for who cannot resolve that."""
    where, tcp = _url(config.http), config.http.kind == "tcp"
    found = []
    for function, _ in _triggers(config, "url"):
        path = f"{URL_PREFIX}/{function.name}/"
        host = f"http://{url_domain(function.name, config.region)}:{config.http.port}/"
        found.append(f"{host} or {where}{path} → {function.name}" if tcp else f"{where} ANY {path} → {function.name}")
    return found


def _buckets(config: Config, here: Path) -> list[str]:
    readers: dict[str, list[str]] = {name: [] for name in config.buckets}
    for function, trigger in _triggers(config, "s3"):
        readers[trigger.bucket].append(function.name)
    for one in config.notifications.values():
        readers[one.bucket].append(f"{one.to.kind} {one.to.name}")
    for bucket in config.buckets.values():
        if bucket.eventbridge:
            readers[bucket.name].append("bus default")
    return [
        f"{name} {_near(bucket.path, here)}" + (f" → {', '.join(readers[name])}" if readers[name] else "")
        for name, bucket in config.buckets.items()
    ]


def _rules(config: Config) -> list[str]:
    found = [(function.name, trigger.bus, trigger.written) for function, trigger in _triggers(config, "event")]
    listed = (rule for rule in config.rules.values() if rule.enabled and rule.pattern is not None)
    found += [(", ".join(target.spoken for target in rule.targets) or "nothing", rule.bus, rule.written) for rule in listed]
    return [f"{bus} {text if len(text) <= PATTERN else f'{text[:PATTERN]}…'} → {whose}" for whose, bus, text in found]


def _feeds(config: Config, here: Path) -> list[str]:
    return [f"{_table(trigger.table, here)} → {function.name}" for function, trigger in _triggers(config, "table")]


def _table(table: Table | ItemTable, here: Path) -> str:
    return f"table {table.name}" if isinstance(table, ItemTable) else f"{_near(table.sqlite, here)} {table.table}"


def _queues(config: Config) -> list[str]:
    return [f"{trigger.queue.name} → {function.name}" for function, trigger in _triggers(config, "queue")]


def _topics(config: Config) -> list[str]:
    found = [(topic.name, one.target) for topic in config.topics.values() for one in topic.subscriptions]
    found += [(trigger.topic, function.name) for function, trigger in _triggers(config, "sns")]
    return [f"{topic} → {whose}" for topic, whose in found]


def _logs(config: Config) -> list[str]:
    found = [(f"{trigger.group} {trigger.filter_pattern}".rstrip(), function.name) for function, trigger in _triggers(config, "logs")]
    return [f"{text if len(text) <= PATTERN else f'{text[:PATTERN]}…'} → {whose}" for text, whose in found]


def _schedules(config: Config) -> list[str]:
    found = [(trigger.text, function.name) for function, trigger in _triggers(config, "schedule")]
    rules = (rule for rule in config.rules.values() if rule.enabled and rule.schedule is not None and rule.targets)
    found += [(rule.schedule.text, ", ".join(target.spoken for target in rule.targets)) for rule in rules]
    found += [(plan.timing.text, plan.target.spoken) for plan in config.schedules.values() if plan.enabled]
    return [f"{text} → {whose}" for text, whose in found]


def _hints(config: Config, here: Path, command: str) -> Iterator[str]:
    where = "" if config.file == here / "config.yaml" else f" --config {quote(_near(config.file, here))}"
    for _, trigger in _triggers(config, "s3"):
        yield f"cp FILE{trigger.wanted.suffix} {_near(config.buckets[trigger.bucket].path, here)}/"
        break
    if config.http.kind != "off" and (path := _first_path(config)):
        yield (
            f"curl {_url(config.http)}{path}"
            if config.http.kind == "tcp"
            else f"curl --unix-socket {config.http.path} http://localhost{path}"
        )
    for function, trigger in _triggers(config, "schedule"):
        place = next(place for place, one in function.placed() if one is trigger)
        yield f"{command} schedules run {trigger.named(function.name, place)}{where}"
        break
    if config.functions:
        if config.aws.kind == "tcp":
            yield f"{command} keys create me --scope admin{where}"
        yield f"{command} logs -f{where}"


def _first_path(config: Config) -> str:
    """A path that can be asked for as it stands: of a GET route, else of a function URL; "" when there is none."""
    for _, trigger in _triggers(config, "http"):
        if trigger.route.method == "GET" and not trigger.route.names:
            return _place(trigger).partition(" ")[2]
    return next((f"{URL_PREFIX}/{function.name}/" for function, _ in _triggers(config, "url")), "")


def _url(listen: Listen) -> str:
    match listen.kind:
        case "tcp":
            host = f"[{listen.host}]" if ":" in listen.host else listen.host
            return f"http://{host}:{listen.port}"
        case "unix":
            return f"unix:{listen.path}"
    return listen.kind


def _near(path: Path, here: Path) -> str:
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
