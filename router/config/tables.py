"""Tables of items, DynamoDB's, that the daemon keeps itself. Pure.

AWS's words and limits: Amazon DynamoDB API reference, CreateTable; developer guide, "Service quotas"."""

from collections.abc import Iterator
from typing import Final, cast

from router.config.node import Node
from router.config.types import Index, ItemTable, KeyName, View

VIEWS: Final = ("KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES")
MOST_GLOBAL: Final = 20  # indexes of a table
MOST_LOCAL: Final = 5
MOST_INCLUDED: Final = 100  # attributes that all its indexes include
LONGEST_NAME: Final = 255  # of an attribute of a key
MARK: Final = "hash"  # the key that tells a table of items from a feed of a SQLite table

_KNOWN: Final = ("hash", "range", "indexes", "stream", "ttl", "deletion_protection", "capacity", "tags")


def item_table(name: str, node: Node) -> ItemTable:
    """One table of items."""
    form = node.form(known=_KNOWN)
    hash_key = _key(form, "hash")
    range_key = _key(form, "range") if form.has("range") else None
    if range_key is not None and range_key[0] == hash_key[0]:
        form.problem("must be another attribute than hash", "range")
    indexes = {} if (child := form.child("indexes")) is None else _indexes(child, hash_key, range_key)
    table = ItemTable(
        name=name,
        hash=hash_key,
        range=range_key,
        indexes=indexes,
        stream=cast("View", form.choice("stream", "", VIEWS)) if form.has("stream") else "",
        ttl=_attribute(form, "ttl") if form.has("ttl") else "",
        deletion_protection=form.boolean("deletion_protection", default=False),
        capacity=None if (child := form.child("capacity")) is None else _capacity(child),
        tags={} if (child := form.child("tags")) is None else {key: each.text("") for key, each in child.items()},
    )
    _check_types(form, table)
    return table


def _key(node: Node, key: str) -> KeyName:
    """`{name: id, type: S}`, or the name alone, of a string."""
    child = node.child(key)
    if child is None:
        return "", "S"
    form = child.form(main="name", known=("name", "type"))
    name = _attribute(form, "name")
    if len(name.encode()) > LONGEST_NAME:
        form.problem(f"an attribute of a key has a name of {LONGEST_NAME} bytes at most", "name")
    return name, form.choice("type", "S", ("S", "N", "B"))


def _attribute(form: Node, key: str) -> str:
    """The name of an attribute."""
    return form.text(key, pattern=r"[\s\S]+", what="the name of an attribute")


def _indexes(node: Node, hash_key: KeyName, range_key: KeyName | None) -> dict[str, Index]:
    found = {name: _index(name, child, hash_key, range_key) for name, child in node.items()}
    for name in found:
        if not _fits(name):
            node.misnamed(name, "an index's name is 3 to 255 letters, digits, underscores, hyphens and dots")
    for local, most in ((False, MOST_GLOBAL), (True, MOST_LOCAL)):
        if sum(index.local == local for index in found.values()) > most:
            node.problem(f"a table has at most {most} {'local' if local else 'global'} indexes")
    if sum(len(index.include) for index in found.values()) > MOST_INCLUDED:
        node.problem(f"all indexes of a table include at most {MOST_INCLUDED} attributes together")
    return found


def _fits(name: str) -> bool:
    return 3 <= len(name) <= 255 and name.isascii() and all(letter.isalnum() or letter in "_.-" for letter in name)


def _index(name: str, node: Node, hash_key: KeyName, range_key: KeyName | None) -> Index:
    """Without `hash` it is a local one: within one hash key of the table."""
    form = node.form(known=("hash", "range", "projection"))
    local = not form.has("hash")
    if local and range_key is None:
        form.problem("an index without a hash of its own is for tables that have a range", "")
    if local and not form.has("range"):
        form.problem("is required in an index that has no hash of its own", "range")
    projection, include = _projection(form)
    return Index(
        name=name,
        hash=hash_key if local else _key(form, "hash"),
        range=_key(form, "range") if form.has("range") else None,
        projection=projection,
        include=include,
        local=local,
    )


def _projection(form: Node) -> tuple[str, tuple[str, ...]]:
    child = form.child("projection")
    if child is None:
        return "ALL", ()
    if child.scalar:
        return form.choice("projection", "ALL", ("ALL", "KEYS_ONLY")), ()
    include = child.form(known=("include",)).strings("include")
    if not include:
        child.problem("names the attributes: {include: [a, b]}; or write ALL, KEYS_ONLY")
    return "INCLUDE", include


def _capacity(node: Node) -> tuple[int, int]:
    form = node.form(known=("read", "write"))
    return form.integer("read", low=1, high=1_000_000), form.integer("write", low=1, high=1_000_000)


def _check_types(form: Node, table: ItemTable) -> None:
    """An attribute has one type in all keys."""
    types: dict[str, str] = {}
    for name, kind in _names(table):
        if types.setdefault(name, kind) != kind:
            form.problem(f"attribute {name} is {types[name]} in one key and {kind} in another", "indexes" if form.has("indexes") else "")
            return


def _names(table: ItemTable) -> Iterator[KeyName]:
    keys = [(table.hash, table.range), *((index.hash, index.range) for index in table.indexes.values())]
    for hash_key, range_key in keys:
        yield hash_key
        if range_key is not None:
            yield range_key
