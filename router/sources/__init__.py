"""The sources: a trigger's word in config.yaml and the class that serves it."""

from typing import Any, Final

from router.config.types import Section, Trigger
from router.sources.bucket_notification import notifications
from router.sources.bus import BusSource
from router.sources.feed import FeedSource
from router.sources.http import HttpSource
from router.sources.logs import LogsSource
from router.sources.metric_filter import metric_filters
from router.sources.planned import schedules
from router.sources.queue import QueueSource
from router.sources.ruling import rules
from router.sources.s3dir import S3DirSource
from router.sources.schedule import ScheduleSource
from router.sources.topic import TopicSource

SOURCES: Final[dict[str, type[Any]]] = {
    "s3": S3DirSource,
    "http": HttpSource,
    "url": HttpSource,
    "webhook": HttpSource,
    "schedule": ScheduleSource,
    "table": FeedSource,
    "event": BusSource,
    "queue": QueueSource,
    "sns": TopicSource,
    "logs": LogsSource,
}

TRIGGERS: Final[dict[str, type[Trigger]]] = {trigger.word: trigger for source in SOURCES.values() for trigger in source.TRIGGERS}

SECTIONS: Final[dict[str, Section]] = {
    "rules": rules,
    "schedules": schedules,
    "notifications": notifications,
    "metric_filters": metric_filters,
}
"""Keys of config.yaml beside the triggers, whose values are read here."""
