"""Tables of items in the config."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.api.aws.dynamodb.defining import spelled
from router.config.load import load
from router.config.types import Config, Index, ItemTable, KeyName
from router.errors import ConfigError
from router.sources import TRIGGERS
from tests.unit.api.aws.fragments import Fragments

WHOLE = """
version: 1
tables:
  carts:
    hash: {name: id, type: S}
    range: {name: at, type: N}
    indexes:
      by_user: {hash: user, range: {name: price, type: N}, projection: KEYS_ONLY}
      by_state: {hash: {name: state}, projection: {include: [price, note]}}
      by_price: {range: {name: price, type: N}}
    stream: NEW_IMAGE
    ttl: expires
    deletion_protection: true
    capacity: {read: 5, write: 6}
    tags: {team: shop}
  plain: {hash: id}
  orders: {sqlite: shop.db}
"""


def read(path: Path, text: str) -> Config:
    file = path / "config.yaml"
    file.write_text(text)
    return load(file, TRIGGERS, environ={})


def test_a_table_is_read_whole(tmp_path: Path) -> None:
    config = read(tmp_path, WHOLE)
    hash_key, price = ("id", "S"), ("price", "N")
    assert config.item_tables == {
        "carts": ItemTable(
            "carts",
            hash_key,
            ("at", "N"),
            {
                "by_user": Index("by_user", ("user", "S"), price, "KEYS_ONLY"),
                "by_state": Index("by_state", ("state", "S"), None, "INCLUDE", ("price", "note")),
                "by_price": Index("by_price", hash_key, price, "ALL", (), local=True),
            },
            "NEW_IMAGE",
            "expires",
            deletion_protection=True,
            capacity=(5, 6),
            tags={"team": "shop"},
        ),
        "plain": ItemTable("plain", hash_key),
    }
    assert list(config.tables) == ["orders"]


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("{hash: id, sqlite: x}", "tables.carts.sqlite: unknown key"),
        ("{hash: {type: S}}", "tables.carts.hash.name: is required"),
        ("{hash: {name: id, type: X}}", "tables.carts.hash.type: "),
        ("{hash: id, range: id}", "tables.carts.range: must be another attribute than hash"),
        ("{hash: id, stream: ALL}", "tables.carts.stream: "),
        ("{hash: id, indexes: {by_x: {range: x}}}", "an index without a hash of its own is for tables that have a range"),
        ("{hash: id, range: r, indexes: {by_x: {projection: ALL}}}", "tables.carts.indexes.by_x.range: is required in an index"),
        ("{hash: id, indexes: {x: {hash: y}}}", "tables.carts.indexes.x: an index's name is 3 to 255"),
        ("{hash: id, indexes: {by_x: {hash: x, projection: SOME}}}", "tables.carts.indexes.by_x.projection: "),
        ("{hash: id, indexes: {by_x: {hash: x, projection: {include: []}}}}", "names the attributes"),
        ("{hash: id, indexes: {by_x: {hash: {name: id, type: N}}}}", "attribute id is S in one key and N in another"),
        ("{hash: id, capacity: {read: 1}}", "tables.carts.capacity.write: is required"),
        ("{hash: id, capacity: {read: 0, write: 1}}", "tables.carts.capacity.read: "),
    ],
)
def test_mistakes_are_told_where_they_are(tmp_path: Path, table: str, told: str) -> None:
    with pytest.raises(ConfigError) as found:
        read(tmp_path, f"version: 1\ntables:\n  carts: {table}\n")
    assert told in str(found.value)


def test_a_trigger_needs_a_stream(tmp_path: Path) -> None:
    (tmp_path / "a.py").touch()
    text = "version: 1\ntables: {carts: {hash: id}}\nfunctions: {f: {code: ., handler: a.b, triggers: [{table: carts}]}}\n"
    with pytest.raises(ConfigError, match="table carts has no stream: write stream: NEW_AND_OLD_IMAGES in it"):
        read(tmp_path, text)
    config = read(tmp_path, text.replace("{hash: id}", "{hash: id, stream: KEYS_ONLY}"))
    assert config.functions["f"].triggers[0].table == config.item_tables["carts"]  # type: ignore[attr-defined]


keys = st.tuples(st.text("abc {}:#", min_size=1, max_size=6), st.sampled_from("SNB"))
tags = st.dictionaries(st.text("ab", min_size=1, max_size=3), st.text("x{}: ", max_size=5), max_size=2)


@settings(max_examples=30)
@given(hash_key=keys, range_key=st.none() | keys, ttl=st.text("ab{:}", max_size=9), tags=tags)
def test_what_the_api_spells_is_read_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, hash_key: KeyName, range_key: KeyName | None, ttl: str, tags: dict[str, str]
) -> None:
    if range_key is not None and range_key[0] == hash_key[0]:
        return
    index = Index("by_it", ("it", "S"), projection="INCLUDE", include=("more",))
    table = ItemTable("carts", hash_key, range_key, {"by_it": index}, ttl=ttl, tags=tags, capacity=(1, 2))
    assert Fragments(tmp_path_factory.mktemp("f"), {"tables": {"carts": spelled(table)}}).config.item_tables == {"carts": table}


@pytest.mark.parametrize(
    ("line", "where"),
    [("hash: ''", "hash.name"), ("hash: {name: ''}", "hash.name"), ("hash: id, range: ''", "range.name"), ("hash: id, ttl: ''", "ttl")],
)
def test_an_attribute_has_a_name(tmp_path: Path, line: str, where: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, f"version: 1\ntables: {{one: {{{line}}}}}\n")
    (problem,) = caught.value.problems
    assert problem.endswith(f": tables.one.{where}: an empty text is not the name of an attribute")
