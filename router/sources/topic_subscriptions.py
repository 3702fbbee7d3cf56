"""Who subscribes to which topic: what the config lists under `topics`, and its functions' triggers. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from router.config.problems import step
from router.config.types import Config, Subscription

if TYPE_CHECKING:
    from router.sources.base import Binding


class Listed(NamedTuple):
    """One subscription of the config."""

    where: str  # in the config
    topic: str
    settings: Subscription
    declared: bool  # under `topics`, not by a trigger of a function


def listed(bindings: Iterable["Binding"], config: Config) -> list[Listed]:
    """All subscriptions, those under `topics` first."""
    return [*_declared(config), *_triggered(bindings)]


def _declared(config: Config) -> Iterator[Listed]:
    for topic in config.topics.values():
        for settings in topic.subscriptions:
            yield Listed(f"{step('topics', topic.name)}.subscriptions.{settings.name}", topic.name, settings, declared=True)


def _triggered(bindings: Iterable["Binding"]) -> Iterator[Listed]:
    for binding in bindings:
        settings = binding.trigger.subscription(binding.target, binding.index)
        yield Listed(binding.path, binding.trigger.topic, settings, declared=False)


def doubles(found: Sequence[Listed]) -> list[str]:
    """What is wrong with each by which a function subscribes once more: it would get every message once more.

    SNS knows a subscription by its topic, protocol and endpoint, and takes no second one (API reference, Subscribe). Two of one queue
    have a name each: that is somebody's word."""
    first: dict[tuple[str, str], Listed] = {}
    told = []
    for one in found:
        if one.settings.kind != "function":
            continue
        other = first.setdefault((one.topic, one.settings.target), one)
        if other is not one:
            who = f"function {one.settings.target}"
            told.append(
                f"{one.where}: {who} subscribes to topic {one.topic} already, at {other.where}; one is enough, and with $or its filter says what two would"
            )
    return told
