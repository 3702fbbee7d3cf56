"""Who gets what is published: the subscriptions of a config, ready to be asked. Pure."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from router import names
from router.config.types import Config, Subscription, Topic
from router.errors import ConfigError
from router.events.sns_errors import TopicError
from router.events.sns_filters import Filter
from router.sources import topic_subscriptions

if TYPE_CHECKING:
    from router.sources.base import Binding

_SPACE: Final = uuid.UUID("0b1ad2d4-3d5b-4d0e-9f8e-2f0f7b7c9a55")  # of the ids of subscriptions that have a name


class Subscriber(NamedTuple):
    """One subscription, ready to be asked."""

    topic: str
    arn: str
    settings: Subscription
    filter: Filter | None
    declared: bool  # under `topics`, not by a trigger of a function

    @classmethod
    def of(cls, topic: str, topic_arn: str, settings: Subscription, *, declared: bool) -> Self:
        """Raises TopicError for a filter policy that is none."""
        body = settings.filter_scope == "MessageBody"
        found = None if settings.filter is None else Filter.of(settings.filter, body=body)
        return cls(topic, f"{topic_arn}:{id_of(topic, settings.name)}", settings, found, declared)

    @property
    def id(self) -> str:
        """Its ARN's last part, which stays as it is when region or account change."""
        return self.arn.rpartition(":")[2]


def id_of(topic: str, name: str) -> str:
    """A subscription's id: its name where that is a UUID, else one that is always the same for the name."""
    try:
        return str(uuid.UUID(name)) if str(uuid.UUID(name)) == name else str(uuid.uuid5(_SPACE, f"{topic}:{name}"))
    except ValueError:
        return str(uuid.uuid5(_SPACE, f"{topic}:{name}"))


class Drawn(NamedTuple):
    """The topics of a config, ready to be laid."""

    topics: Mapping[str, Topic]
    subscribers: Mapping[str, Sequence[Subscriber]]  # by topic

    @classmethod
    def of(cls, bindings: Iterable["Binding"], config: Config) -> Self:
        """Raises ConfigError with every mistake in filter policies, and every function that subscribes to a topic twice."""
        listed = topic_subscriptions.listed(bindings, config)
        problems = topic_subscriptions.doubles(listed)
        found: dict[str, list[Subscriber]] = {name: [] for name in config.topics}
        for where, topic, settings, declared in listed:
            arn = names.topic_arn(config.region, config.account, topic)
            try:
                found[topic].append(Subscriber.of(topic, arn, settings, declared=declared))
            except TopicError as error:
                problems.append(f"{where}.filter: {error}")
        if problems:
            raise ConfigError(tuple(problems))
        return cls(config.topics, found)
