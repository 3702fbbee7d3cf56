"""A function as operators see it: its settings and what sets it off. Pure.

The values of environment variables are left out: they may be secrets."""

from collections.abc import Iterator, Mapping
from typing import Any

from router.config.types import Config, Destination, Function, Trigger
from router.runtime import resolve
from router.sources.bus_trigger import EventTrigger
from router.sources.feed import TableTrigger
from router.sources.http_triggers import HttpTrigger, UrlTrigger
from router.sources.logs_trigger import LogsTrigger
from router.sources.queue import QueueTrigger
from router.sources.s3dir import S3Trigger
from router.sources.schedule_trigger import ScheduleTrigger
from router.sources.topic_trigger import SnsTrigger
from router.sources.webhook_trigger import WebhookTrigger


def described(function: Function, config: Config) -> dict[str, Any]:
    """The settings in force, AWS's units; `triggers`: a row for each enabled one."""
    return {
        "function": function.name,
        "declared": config.owners.get(("functions", function.name), "config"),
        "runtime": resolve(function.runtime, function.python).runs,
        "handler": function.handler,
        "command": list(function.command),
        "code": str(function.code),
        "layers": [str(layer) for layer in function.layers],
        "timeout": function.timeout,
        "memory": function.memory,
        "ephemeral_storage": function.ephemeral_storage,
        "environment": sorted(function.environment),
        "role": function.role,
        "isolation": function.isolation,
        "require": list(function.require),
        "reserved_concurrency": function.reserved_concurrency,
        "provisioned_concurrency": function.provisioned_concurrency,
        "snap_start": function.snap_start,
        "log_format": function.logging.format,
        "maximum_retry_attempts": function.maximum_retry_attempts,
        "maximum_event_age": function.maximum_event_age,
        **{key: _where(getattr(function, key)) for key in ("on_success", "on_failure", "dead_letter")},
        "aliases": sorted(function.aliases),
        "triggers": list(_triggers(function)),
    }


def _where(destination: Destination | None) -> str | None:
    return f"{destination.kind} {destination.name}" if destination else None


def _triggers(function: Function) -> Iterator[Mapping[str, str]]:
    for (place, trigger), target in zip(function.placed(), function.targets(), strict=True):
        yield {"kind": trigger.word, "what": spoken(trigger, function.name, place), "invokes": target}


def spoken(trigger: Trigger, function: str, place: int) -> str:
    """What sets a trigger off, in the words of its config."""
    match trigger:
        case S3Trigger(bucket=bucket, wanted=wanted):
            return f"{bucket}/{wanted.prefix}*{wanted.suffix}, {' '.join(sorted(wanted.events))}"
        case HttpTrigger():
            method, space, path = trigger.route.key.partition(" ")
            return f"{method}{space}{trigger.base_path}{path} ({trigger.api}{', async' if trigger.asynchronous else ''})"
        case UrlTrigger(signed=signed, streaming=streaming):
            return f"auth {'iam' if signed else 'none'}{', response stream' if streaming else ''}"
        case WebhookTrigger(route=route):
            return route.key
        case ScheduleTrigger(text=text, timezone=zone):
            return f"{trigger.named(function, place)}: {text}{f' in {zone}' if zone else ''}"
        case EventTrigger(bus=bus, written=written):
            return f"bus {bus}, rule {trigger.named(function, place)}: {written}"
        case QueueTrigger(queue=polled, batch_size=size) | TableTrigger(table=polled, batch_size=size):
            return f"{polled.name}, up to {size} at a time"
        case SnsTrigger(topic=topic):
            return topic
        case LogsTrigger(group=group, filter_pattern=pattern):
            return f"log group {group}, filter {trigger.named(function, place)}: {pattern or 'everything'}"
        case _:
            return ""
