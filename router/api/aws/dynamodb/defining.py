"""Definitions of tables: CreateTable's and UpdateTable's members as config.yaml spells a table, and a table as the API tells of it. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from router.api.aws.dynamodb.reading import choice, mapping, number, structures, text, texts, truth
from router.api.aws.service import Members
from router.config.tables import VIEWS
from router.config.types import Index, ItemTable, KeyName
from router.items.errors import Refused, invalid

Value = dict[str, Any]  # a table as config.yaml spells it

REFUSED: Final = {  # members that would ask for what does not exist here
    "ResourcePolicy": "tables have no resource policies here",
    "GlobalTableSourceArn": "there are no global tables here",
    "GlobalTableSettingsReplicationMode": "there are no global tables here",
    "ReplicaUpdates": "there are no global tables here",
    "GlobalTableWitnessUpdates": "there are no global tables here",
    "MultiRegionConsistency": "there are no global tables here",
    "VectorIndexes": "there are no vector indexes here",
    "VectorIndexUpdates": "there are no vector indexes here",
    "DisassociationProtectionEnabled": "there are no global tables here",
}


CHANGES: Final = (  # members of UpdateTable that ask for something
    *("ProvisionedThroughput", "BillingMode", "StreamSpecification", "GlobalSecondaryIndexUpdates", "SSESpecification"),
    *("ReplicaUpdates", "TableClass", "DeletionProtectionEnabled", "OnDemandThroughput", "WarmThroughput"),
)


def refuse(members: Members) -> None:
    """Raise Refused for a request that asks for what is not done."""
    for name, why in REFUSED.items():
        if members.get(name) not in (None, [], {}, ""):
            invalid(f"{name} cannot be set: {why}")
    if truth(mapping(members, "SSESpecification"), "Enabled"):
        invalid("SSESpecification: tables are not encrypted here; encrypt the file system that the state directory is on")
    if choice(members, "TableClass", ("STANDARD", "STANDARD_INFREQUENT_ACCESS"), "STANDARD") != "STANDARD":
        invalid("TableClass: there is only one class of storage here, STANDARD")


def created(members: Members) -> Value:
    """What CreateTable asks for. Raises Refused."""
    refuse(members)
    types = _types(members)
    value: Value = _keys(structures(members, "KeySchema"), types)
    indexes: dict[str, Any] = {}
    used = {value["hash"]["name"], *([value["range"]["name"]] if "range" in value else [])}
    for member, local in (("GlobalSecondaryIndexes", False), ("LocalSecondaryIndexes", True)):
        if members.get(member) is not None and not structures(members, member):
            invalid(f"List of {member} is empty")
        for one in structures(members, member):
            name, index = _index(one, types, value, local=local)
            if name in indexes:
                invalid(f"Duplicate index name: {name}")
            indexes[name] = index
            used |= {index[key]["name"] for key in ("hash", "range") if key in index}
    if unused := sorted(types.keys() - used):
        invalid(
            "Some AttributeDefinitions are not used. AttributeDefinitions:"
            f" [{', '.join(sorted(types))}], keys used: [{', '.join(sorted(used))}], unused: [{', '.join(unused)}]"
        )
    if indexes:
        value["indexes"] = indexes
    _capacity(value, members, choice(members, "BillingMode", ("PROVISIONED", "PAY_PER_REQUEST"), "PROVISIONED"))
    _stream(value, members)
    if truth(members, "DeletionProtectionEnabled"):
        value["deletion_protection"] = True
    if tags := {text(tag, "Key"): text(tag, "Value", "") for tag in structures(members, "Tags")}:
        value["tags"] = tags
    return value


def _types(members: Members) -> dict[str, str]:
    types = {}
    for one in structures(members, "AttributeDefinitions"):
        types[text(one, "AttributeName")] = choice(one, "AttributeType", ("B", "N", "S"), "")
    return types


def _keys(schema: list[Mapping[str, Any]], types: Mapping[str, str]) -> Value:
    found: Value = {}
    if not 1 <= len(schema) <= 2:
        invalid("Key schema has 1 or 2 elements")
    for one, wanted in zip(schema, ("HASH", "RANGE"), strict=False):
        if choice(one, "KeyType", ("HASH", "RANGE"), "") != wanted:
            told = (
                "The first KeySchemaElement is not a HASH key type"
                if wanted == "HASH"
                else "The second KeySchemaElement is not a RANGE key type"
            )
            raise Refused(f"Invalid KeySchema: {told}")
        name = text(one, "AttributeName")
        if name not in types:
            invalid(
                "Some index key attributes are not defined in AttributeDefinitions."
                f" Keys: [{name}], AttributeDefinitions: [{', '.join(sorted(types))}]"
            )
        found[wanted.lower()] = {"name": name, "type": types[name]}
    if len(found) == 2 and found["hash"]["name"] == found["range"]["name"]:
        raise Refused("Both the Hash Key and the Range Key element in the KeySchema have the same name")
    return found


def _index(one: Mapping[str, Any], types: Mapping[str, str], table: Value, *, local: bool) -> tuple[str, Value]:
    name, index = text(one, "IndexName"), _keys(structures(one, "KeySchema"), types)
    if local:
        if "range" not in table:
            invalid("Table KeySchema does not have a range key, which is required when specifying a LocalSecondaryIndex")
        if "range" not in index or index["hash"]["name"] != table["hash"]["name"]:
            invalid(f"Index KeySchema does not have the table's hash key and a range key of its own for index: {name}")
        del index["hash"]
    projection = mapping(one, "Projection")
    kind = choice(projection, "ProjectionType", ("ALL", "INCLUDE", "KEYS_ONLY"), "")
    include = texts(projection, "NonKeyAttributes")
    if (kind == "INCLUDE") != bool(include):
        invalid(
            "ProjectionType is INCLUDE, but NonKeyAttributes is not specified"
            if kind == "INCLUDE"
            else f"ProjectionType is {kind}, but NonKeyAttributes is specified"
        )
    index["projection"] = {"include": include} if kind == "INCLUDE" else kind
    return name, index


def _capacity(value: Value, members: Members, mode: str) -> None:
    units = mapping(members, "ProvisionedThroughput")
    if mode == "PAY_PER_REQUEST":
        if units:
            invalid("Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST")
        value.pop("capacity", None)
        return
    read, write = number(units, "ReadCapacityUnits", low=1), number(units, "WriteCapacityUnits", low=1)
    if read is None or write is None:
        invalid("ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED")
    value["capacity"] = {"read": read, "write": write}


def _stream(value: Value, members: Members) -> None:
    given = mapping(members, "StreamSpecification")
    if not given:
        return
    if not truth(given, "StreamEnabled"):
        if given.get("StreamViewType") is not None:
            invalid("StreamViewType can only be set when StreamEnabled is true")
        value.pop("stream", None)
        return
    value["stream"] = choice(given, "StreamViewType", VIEWS, "")


def updated(value: Value, members: Members) -> Value:
    """A table changed as UpdateTable asks. Raises Refused."""
    refuse(members)
    if not any(members.get(name) not in (None, []) for name in CHANGES):
        raise Refused(
            "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, GlobalSecondaryIndexUpdates or SSESpecification"
            " or ReplicaUpdates is required"
        )
    made = {**value, "indexes": dict(value.get("indexes", {}))}
    mode = choice(members, "BillingMode", ("PROVISIONED", "PAY_PER_REQUEST", ""), "")
    if mode or members.get("ProvisionedThroughput") is not None:
        _capacity(made, members, mode or "PROVISIONED")
    if (given := mapping(members, "StreamSpecification")) and truth(given, "StreamEnabled") and value.get("stream"):
        invalid("Table already has an enabled stream: TableName: " + text(members, "TableName"))
    _stream(made, members)
    if members.get("DeletionProtectionEnabled") is not None:
        made["deletion_protection"] = truth(members, "DeletionProtectionEnabled")
    _update_indexes(made, members)
    if not made["indexes"]:
        del made["indexes"]
    return made


def _update_indexes(made: Value, members: Members) -> None:
    types = {**dict(_known_types(made)), **_types(members)}
    for one in structures(members, "GlobalSecondaryIndexUpdates"):
        if one.get("Create") is not None:
            name, index = _index(mapping(one, "Create"), types, made, local=False)
            if name in made["indexes"]:
                invalid(f"Attempting to create an index which already exists: {name}")
            made["indexes"][name] = index
            continue
        name = text(mapping(one, "Delete" if one.get("Delete") is not None else "Update"), "IndexName")
        if name not in made["indexes"]:
            raise Refused("Requested resource not found: Index not found", "ResourceNotFoundException")
        if one.get("Delete") is not None:
            del made["indexes"][name]


def _known_types(value: Value) -> Iterator[KeyName]:
    for keys in (value, *value["indexes"].values()):
        for key in ("hash", "range"):
            if key in keys:
                yield keys[key]["name"], keys[key]["type"]


def spelled(table: ItemTable) -> Value:
    """A table as config.yaml spells it."""
    value: Value = {"hash": _spelled_key(table.hash)}
    if table.range is not None:
        value["range"] = _spelled_key(table.range)
    if table.indexes:
        value["indexes"] = {name: _spelled_index(index) for name, index in table.indexes.items()}
    if table.stream:
        value["stream"] = table.stream
    if table.ttl:
        value["ttl"] = table.ttl
    if table.deletion_protection:
        value["deletion_protection"] = True
    if table.capacity is not None:
        value["capacity"] = {"read": table.capacity[0], "write": table.capacity[1]}
    if table.tags:
        value["tags"] = dict(table.tags)
    return value


def _spelled_key(key: KeyName) -> Value:
    return {"name": key[0], "type": key[1]}


def _spelled_index(index: Index) -> Value:
    value: Value = {} if index.local else {"hash": _spelled_key(index.hash)}
    if index.range is not None:
        value["range"] = _spelled_key(index.range)
    value["projection"] = {"include": list(index.include)} if index.projection == "INCLUDE" else index.projection
    return value


def attribute_definitions(table: ItemTable) -> list[Value]:
    """AttributeDefinitions of a table."""
    found: dict[str, str] = {}
    for keys in (table, *table.indexes.values()):
        for key in (keys.hash, keys.range):  # type: ignore[attr-defined]  # both kinds have them
            if key is not None:
                found[key[0]] = key[1]
    return [{"AttributeName": name, "AttributeType": kind} for name, kind in found.items()]


def key_schema(hash_key: KeyName, range_key: KeyName | None) -> list[Value]:
    """KeySchema."""
    made = [{"AttributeName": hash_key[0], "KeyType": "HASH"}]
    return made if range_key is None else [*made, {"AttributeName": range_key[0], "KeyType": "RANGE"}]


def projection(index: Index) -> Value:
    """Projection of an index."""
    made: Value = {"ProjectionType": index.projection}
    return made | {"NonKeyAttributes": list(index.include)} if index.include else made
