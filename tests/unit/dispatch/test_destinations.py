"""Which records would set off the function that they are of."""

from dataclasses import replace
from pathlib import Path

import pytest

from router.config.types import Config, Destination, Function, Subscription, Topic
from router.dispatch.destinations import refuse_loops
from router.errors import ConfigError
from router.events import s3
from router.sources.bucket_notification import BucketNotification
from router.sources.s3dir import S3Trigger
from router.sources.topic_trigger import SnsTrigger

ALL = s3.Filter(frozenset({s3.CREATED}))
F = Function("f", Path("/code"), "app.handler", on_success=Destination("bucket", "results"))
G = Function("g", Path("/code"), "app.handler")
TOLD = BucketNotification("n", "results", Destination("topic", "news"), ALL, "n")


def config(function: Function, **more: object) -> Config:
    return Config(Path("/config.yaml"), Path("/state"), functions={"f": function, "g": G}, **more)  # type: ignore[arg-type]


def test_objects_of_another_bucket_are_no_records_of_its_own() -> None:
    refuse_loops(config(replace(F, triggers=(S3Trigger("uploads", ALL),))))
    with pytest.raises(ConfigError, match=r"functions\.f\.on_success: its records in bucket results would set it off again without end"):
        refuse_loops(config(replace(F, triggers=(S3Trigger("uploads", ALL), S3Trigger("results", ALL)))))


def test_a_topic_that_others_hear_does_not_set_it_off() -> None:
    others = {"news": Topic("news", subscriptions=(Subscription("s", "function", "g"),)), "more": Topic("more")}
    refuse_loops(config(F, topics=others, notifications={"n": TOLD}))
    refuse_loops(config(replace(F, triggers=(SnsTrigger("more"),)), topics=others, notifications={"n": TOLD}))
    with pytest.raises(ConfigError):
        refuse_loops(config(replace(F, triggers=(SnsTrigger("news"),)), topics=others, notifications={"n": TOLD}))
