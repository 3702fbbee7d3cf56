"""What config.yaml has told of a bucket, as GetBucketNotificationConfiguration shows it."""

from pathlib import Path

from router.api.aws.s3.notifications import of_config
from router.config.load import load
from router.config.types import Config
from router.sources import SECTIONS, TRIGGERS
from router.sources.s3dir import S3Trigger

CONFIG = """
version: 1
buckets: {scans: ./scans}
queues: {jobs: {}}
notifications: {texts: {bucket: scans, queue: jobs, suffix: .txt}}
functions:
  f:
    code: code
    handler: app.handler
    aliases: {live: $LATEST}
    triggers:
      - s3: scans
      - s3: {bucket: scans, prefix: in/, id: mine}
      - s3: {bucket: scans, qualifier: live}
"""


def read(directory: Path) -> Config:
    (directory / "code").mkdir()
    (directory / "code/app.py").write_text("def handler(event, context): return event\n")
    (directory / "config.yaml").write_text(CONFIG)
    return load(directory / "config.yaml", TRIGGERS, environ={}, sections=SECTIONS)


def test_ids_are_those_that_the_records_have(tmp_path: Path) -> None:
    config = read(tmp_path)
    function = config.functions["f"]
    records = []
    for trigger, target in zip(function.triggers, function.targets(), strict=True):
        assert isinstance(trigger, S3Trigger)
        records.append((target, trigger.configuration(target)))
    shown = [(one.target, one.id) for one in of_config(config, "scans", ())]
    assert shown == [*records, ("jobs", "texts")]
    assert records[1] == ("f", "mine")
    assert len({identity for _, identity in shown}) == 4


def test_what_the_api_declared_is_not_shown_twice(tmp_path: Path) -> None:
    config = read(tmp_path)
    all_of_them = of_config(config, "scans", ())
    assert of_config(config, "scans", all_of_them[:2]) == all_of_them[2:]
