"""Buckets and tables: what triggers refer to by name. Pure, but for where links lead.

Names follow AWS: S3 user guide, "General purpose bucket naming rules"; DynamoDB developer guide, "Naming rules"."""

import ipaddress
import os
import re
from pathlib import Path
from typing import Final, Literal, cast

from router.config.node import Node
from router.config.problems import shown
from router.config.settings import DAY
from router.config.tables import MARK, item_table
from router.config.types import Bucket, ItemTable, Table

_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_BUCKET_RULE: Final = "a bucket's name is 3 to 63 lower-case letters, digits, hyphens and dots, and begins and ends with a letter or digit"
_PREFIXES: Final = ("xn--", "sthree-", "amzn-s3-demo-")
_SUFFIXES: Final = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")
_TABLE: Final = re.compile(r"[A-Za-z0-9_.-]{3,255}")
EVENT_VERSIONS: Final = ("2.0", "2.1", "2.2", "2.3", "2.4", "2.5", "2.6")  # of S3's records; router/events/s3.py builds them
_SEGMENT: Final = r"[^/\n]{1,255}"
_DEFAULT: Final = Bucket("", Path())


def misnamed_bucket(name: str) -> str:
    """What is wrong with a bucket's name; "" when nothing is."""
    if not _BUCKET.fullmatch(name):
        return _BUCKET_RULE
    if ".." in name:
        return "a bucket's name has no two dots in a row"
    if name.startswith(_PREFIXES) or name.endswith(_SUFFIXES):
        return "a bucket's name may not begin or end like this: AWS keeps it for itself"
    try:
        ipaddress.IPv4Address(name)
    except ValueError:
        return ""
    return "a bucket's name may not look like an IP address"


def buckets(node: Node) -> dict[str, Bucket]:
    """The value under `buckets`. Two names that would share one BUCKET_… variable are refused."""

    def read(name: str, child: Node) -> Bucket:
        wrong = misnamed_bucket(name)
        if wrong:
            node.misnamed(name, wrong)
        bucket = _bucket(name, child)
        other = _other(name, child, bucket.variable)
        if other and not wrong:
            node.misnamed(name, f"functions would find it and bucket {other} under one name, {bucket.variable}")
        return bucket

    return node.each(read)


def _other(name: str, node: Node, variable: str) -> str:
    """Which other one functions would find under this variable; "" for none. Of those of the API they are not told where they lie."""
    other = name if not node.line else node.document.readings.claim(f"variable {variable}", name)
    return "" if other == name else other


def _bucket(name: str, node: Node) -> Bucket:
    form = node.form(main="path", known=("path", "settle", "scan", "mount", "watcher", "ignore", "event_version", "eventbridge", "after"))
    after, goal = _after(form)
    return Bucket(
        name=name,
        path=(path := form.file("path")),
        lies=_without_links(path),
        settle=form.seconds("settle", _DEFAULT.settle, low=0, high=3600),
        scan=form.seconds("scan", _DEFAULT.scan, low=0.1, high=DAY),
        mount=cast('Literal["optional", "required"]', form.choice("mount", "optional", ("optional", "required"))),
        watcher=cast(
            'Literal["auto", "inotify", "watchdog", "scan"]', form.choice("watcher", "auto", ("auto", "inotify", "watchdog", "scan"))
        ),
        ignore=_ignore(form),
        eventbridge=form.boolean("eventbridge", default=False),
        event_version=form.choice("event_version", _DEFAULT.event_version, EVENT_VERSIONS),
        after=after,
        goal=goal,
    )


def _after(form: Node) -> tuple[Literal["keep", "delete", "move"], Path]:
    """`keep`, `delete`, or {move: DIR}."""
    written = form.child("after")
    if written is None or written.scalar:
        kind = form.text("after", "keep")
        if kind not in ("keep", "delete"):
            form.problem(f"{shown(kind)} is not one of keep, delete, {{move: DIR}}", "after")
            kind = "keep"
        return cast('Literal["keep", "delete"]', kind), Path()
    moved = written.form(known=("move",))
    return "move", _without_links(moved.file("move"))


def _without_links(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _ignore(form: Node) -> tuple[str, ...]:
    patterns = form.strings("ignore", _DEFAULT.ignore)
    if any(not re.fullmatch(_SEGMENT, pattern) for pattern in patterns):
        form.problem("each pattern is a glob for one file or directory name, as *.tmp; it holds no slash", "ignore")
    return patterns


def tables(node: Node) -> tuple[dict[str, Table], dict[str, ItemTable]]:
    """The value under `tables`: feeds, and tables of items. Two names that would share one TABLE_… variable are refused."""

    def read(name: str, child: Node) -> Table | ItemTable:
        named = _TABLE.fullmatch(name)
        if not named:
            node.misnamed(name, "a table's name is 3 to 255 letters, digits, underscores, hyphens and dots")
        if child.has(MARK):
            return item_table(name, child)
        table = _table(name, child)
        other = _other(name, child, table.variable)
        if other and named:
            node.misnamed(name, f"functions would find it and table {other} under one name, {table.variable}")
        return table

    found = node.each(read).items()
    return (
        {name: one for name, one in found if isinstance(one, Table)},
        {name: one for name, one in found if isinstance(one, ItemTable)},
    )


def _columns(form: Node) -> tuple[str, ...]:
    """The key of a feed. To SQLite a column has one name in any case of its letters."""
    columns = form.strings("key")
    if form.has("key") and not all(columns):
        form.problem("a column's name is not empty", "key")
    elif len({column.lower() for column in columns}) < len(columns):
        form.problem("names a column twice", "key")
    return columns


def _table(name: str, node: Node) -> Table:
    form = node.form(known=("sqlite", "table", "key", "view", "install"))
    return Table(
        name=name,
        sqlite=form.file("sqlite"),
        table=form.text("table", name, pattern=r"[^\x00]+", what="a table's name"),
        key=_columns(form),
        view=cast(
            'Literal["KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES"]',
            form.choice("view", "NEW_AND_OLD_IMAGES", ("KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES")),
        ),
        install=cast('Literal["auto", "manual"]', form.choice("install", "manual", ("auto", "manual"))),
    )
