"""config.yaml as typed values: what the rest of the house sees. Frozen; paths are absolute, times are seconds.

Keys, defaults and ranges for people: docs/configuration.md. Secrets never show in a repr."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Protocol, Self, runtime_checkable

from router.names import LATEST, log_group

if TYPE_CHECKING:
    from router.config.fragments import Fragment, Owner
    from router.config.node import Node
    from router.config.readings import Kept


@dataclass(frozen=True, slots=True)
class Bucket:
    """A directory that is a bucket."""

    name: str
    path: Path
    settle: float = 2.0  # seconds that size, mtime and inode must stand still when no close was seen
    scan: float = 60.0  # seconds between full scans
    mount: Literal["optional", "required"] = "optional"  # required: a path that is not a mount point is never scanned
    watcher: Literal["auto", "inotify", "watchdog", "scan"] = "auto"
    ignore: tuple[str, ...] = (".*", "*.part", "*.tmp", "*.crdownload", "*~")  # glob patterns of one path segment
    eventbridge: bool = False  # its events go to the default bus too
    event_version: str = "2.1"  # of the notifications' records; one of EVENT_VERSIONS (config/resources.py)
    after: Literal["keep", "delete", "move"] = "keep"  # what becomes of an object once its functions' events have succeeded
    goal: Path = Path()  # move: the directory outside that it goes to, under its key; without links
    lies: Path | None = None  # where *path* led when the config was read: links that are put in its way later are not followed

    @property
    def place(self) -> Path:
        """Where its directory is looked for."""
        return self.lies or self.path

    @property
    def variable(self) -> str:
        """The environment variable in which functions find its path: BUCKET_MY_UPLOADS for my-uploads."""
        return "BUCKET_" + re.sub(r"[^A-Z0-9]", "_", self.name.upper())


@dataclass(frozen=True, slots=True)
class Table:
    """A SQLite table whose changes are a feed."""

    name: str
    sqlite: Path
    table: str
    key: tuple[str, ...] = ()  # empty: the table's primary key
    view: Literal["KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES"] = "NEW_AND_OLD_IMAGES"
    install: Literal["auto", "manual"] = "manual"

    @property
    def variable(self) -> str:
        """The environment variable in which functions find the database's path: TABLE_MY_ORDERS for my-orders."""
        return "TABLE_" + re.sub(r"[^A-Z0-9]", "_", self.name.upper())


KeyName = tuple[str, str]  # an attribute of a key, and its type: S, N or B
View = Literal["KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES"]


@dataclass(frozen=True, slots=True)
class Index:
    """Another order of a table's items."""

    name: str
    hash: KeyName  # of a local one: the table's
    range: KeyName | None = None
    projection: str = "ALL"  # ALL | KEYS_ONLY | INCLUDE
    include: tuple[str, ...] = ()  # with INCLUDE: attributes beside the keys
    local: bool = False


@dataclass(frozen=True, slots=True)
class ItemTable:
    """A table of items that the daemon keeps: a DynamoDB table."""

    name: str
    hash: KeyName
    range: KeyName | None = None
    indexes: Mapping[str, Index] = field(default_factory=dict)
    stream: View | Literal[""] = ""  # what its stream shows; "": it has none
    ttl: str = ""  # the attribute that says when an item expires, epoch seconds; "": none does
    deletion_protection: bool = False
    capacity: tuple[int, int] | None = None  # read and write units, told by DescribeTable and not enforced; None: on demand
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Redrive:
    """Where a queue's exhausted messages go."""

    queue: str
    max_receive_count: int


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue of our own, with SQS's settings."""

    name: str
    visibility_timeout: float = 30.0  # seconds
    delay: float = 0.0  # seconds
    retention: float = 4 * 86400.0  # seconds
    fifo: bool = False
    content_based_deduplication: bool = False
    redrive: Redrive | None = None
    max_message_size: int = 1_048_576  # bytes, attributes included
    receive_wait: float = 0.0  # seconds that a receive waits when it does not say
    deduplication_scope: Literal["queue", "messageGroup"] = "queue"  # within what a FIFO queue's deduplication ids are unlike
    redrive_allow: tuple[str, ...] | None = None  # queues that may send their dead letters here; None: all
    policy: str = ""  # of the queue itself, JSON text; "": none
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Subscription:
    """Who gets what is published to a topic."""

    name: str  # unlike those of the topic's others; in its ARN as it is when it is a UUID
    kind: Literal["queue", "function"]
    target: str  # name
    raw: bool = False  # a queue gets the message itself, not the JSON around it
    filter: Any = None  # the JSON value of a filter policy; None: everything
    filter_scope: Literal["MessageAttributes", "MessageBody"] = "MessageAttributes"
    dead_letter: str = ""  # queue for what cannot be delivered; "": none


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic of our own, with SNS's settings."""

    name: str
    fifo: bool = False
    content_based_deduplication: bool = False
    deduplication_scope: Literal["Topic", "MessageGroup"] = "Topic"  # SNS: FifoThroughputScope
    display_name: str = ""
    policy: str = ""  # of the topic itself, JSON text; "": none
    tags: Mapping[str, str] = field(default_factory=dict)
    subscriptions: tuple[Subscription, ...] = ()  # those of functions' triggers are not among them


@dataclass(frozen=True, slots=True)
class Bus:
    """An event bus."""

    name: str
    archive: float = 0.0  # seconds that its events are kept for replays; 0: not at all, infinite: for ever
    archive_pattern: Any = None  # the JSON value of a pattern: only events that match it are kept; None: all
    archive_name: str = ""  # "": the bus's own
    archive_description: str = ""
    description: str = ""
    policy: str = ""  # of the bus itself, JSON text; "": none
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Throttle:
    """A token bucket: AWS's rateLimit and burstLimit."""

    rate: float  # requests per second, over time
    burst: int  # requests at once


@dataclass(frozen=True, slots=True)
class Quota:
    """How many requests one API key may make in a period of UTC."""

    limit: int
    period: Literal["day", "week", "month"]  # weeks begin on Sunday


@dataclass(frozen=True, slots=True)
class UsagePlan:
    """What the holders of some API keys may ask of REST routes; throttle and quota are each key's own."""

    name: str
    keys: Mapping[str, str] = field(repr=False)  # name → the key itself
    throttle: Throttle | None = None
    quota: Quota | None = None


@dataclass(frozen=True, slots=True)
class Role:
    """What a function may do."""

    name: str
    policy: Mapping[str, Any] = field(default_factory=dict)  # an IAM policy document
    trust: Mapping[str, Any] | None = None  # another one: who may assume it; None: whoever's own policy allows that, and every service


@dataclass(frozen=True, slots=True)
class Destination:
    """Where records go."""

    kind: str  # queue, function, bus, bucket, topic; of a rule's target log_group too
    name: str  # a function's with its qualifier where there is one: NAME:QUALIFIER


@dataclass(frozen=True, slots=True)
class ScheduleGroup:
    """What schedules are named in."""

    name: str
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Names:
    """What triggers may refer to."""

    buckets: Mapping[str, Bucket]
    tables: Mapping[str, Table]
    functions: Collection[str] = frozenset()
    item_tables: Mapping[str, ItemTable] = field(default_factory=dict)
    usage_plans: Mapping[str, UsagePlan] = field(default_factory=dict)
    queues: Mapping[str, Queue] = field(default_factory=dict)
    roles: Mapping[str, Role] = field(default_factory=dict)
    buses: Mapping[str, Bus] = field(default_factory=lambda: {"default": Bus("default")})
    topics: Mapping[str, Topic] = field(default_factory=dict)


class Surroundings(NamedTuple):
    """What the sections may refer to that are read once all else is."""

    names: Names
    functions: Mapping[str, "Function"]
    groups: Mapping[str, ScheduleGroup]
    region: str
    account: str

    @classmethod
    def of(cls, config: "Config") -> Self:
        """Those of a config that is read but for such sections."""
        known = Names(
            config.buckets,
            config.tables,
            dict.fromkeys(config.functions),
            queues=config.queues,
            roles=config.roles,
            buses=config.buses,
            topics=config.topics,
        )
        return cls(known, config.functions, config.schedule_groups, config.region, config.account)


Section = Callable[["Node", Surroundings], Mapping[str, Any]]
"""Reads a part of config.yaml whose meaning stands above this floor, as that of triggers does; mistakes are noted on the node."""


class Trigger(Protocol):
    """One trigger as its source reads it. Implementations are frozen dataclasses beside their source."""

    word: ClassVar[str]  # its key in config.yaml: "s3", "schedule", "http", "table"

    @classmethod
    def read(cls, node: "Node", names: Names) -> Self:
        """Read the value under the word; a scalar is its main field. Mistakes are noted on the node, not raised."""

    @property
    def claim(self) -> str:
        """What no other trigger may claim too, e.g. "route GET /x"; "" when it may be shared."""


@runtime_checkable
class Exposed(Protocol):
    """A trigger that may stand open to strangers in a way its operator should know."""

    def notes(self, listen: "Listen") -> Iterable[str]:
        """What to know when the http listener waits there, a sentence each."""


@dataclass(frozen=True, slots=True)
class Logging:
    """How a function's log is written: Lambda's LoggingConfig. Levels count where the format is json."""

    format: Literal["text", "json"] = "text"
    application_level: str = "INFO"  # TRACE | DEBUG | INFO | WARN | ERROR | FATAL
    system_level: str = "INFO"  # DEBUG | INFO | WARN
    group: str = ""  # "": the function's own


@dataclass(frozen=True, slots=True)
class Alias:
    """A name for a version, or for two of them with weights."""

    name: str
    version: str  # digits, or $LATEST
    other: str = ""  # digits of a second version; "": there is none
    weight: float = 0.0  # the second version's share of invocations, 0 to 1


@dataclass(frozen=True, slots=True)
class Function:
    """A Lambda function."""

    name: str
    code: Path  # a directory, or a .zip in the config; what runs is always a directory
    handler: str  # file.function; "" where the runtime needs none
    runtime: str = "python"  # python | python3.N | nodejs | nodejsN.x | provided | provided.al2 | provided.al2023 | command
    timeout: float = 3.0  # seconds
    memory: int = 128  # MB
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    reserved_concurrency: int | None = None
    maximum_retry_attempts: int = 2  # after the first attempt, of an Event invocation
    maximum_event_age: float = 21600.0  # seconds
    triggers: tuple[Trigger, ...] = ()  # enabled ones only
    isolation: Literal["auto", "strict", "none"] = "auto"
    require: tuple[str, ...] = ()  # controls without which it is refused; REQUIREMENTS in config/functions.py
    ephemeral_storage: int = 512  # MB of /tmp
    command: tuple[str, ...] = ()  # runtime command: a program and its arguments
    places: tuple[int, ...] = ()  # where each of them stands in the config's list, from 0; (): it lists no others
    logging: Logging = Logging()
    internal_extensions: bool = False  # its code registers extensions: it needs a Runtime API whatever its runtime
    version: str = LATEST  # or the digits of a published one
    provisioned_concurrency: int = 0  # environments that are initialised before anybody asks
    snap_start: bool = False  # initialised once; environments are forks of that
    layers: tuple[Path, ...] = ()  # directories or .zip files, as configured
    opt: Path | None = None  # what AWS has in /opt: all layers as one tree, the later over the earlier; None: no layers
    python: Path | None = None  # the interpreter that runs it; None: the daemon's own
    sha256: str = ""  # CodeSha256 of what runs, base64; "": the code runs where the config says it is
    aliases: Mapping[str, Alias] = field(default_factory=dict)
    qualifiers: tuple[str, ...] = ()  # of each trigger: the version or alias that it invokes, "" for $LATEST; (): all of them ""
    role: str = ""  # one of the config's; "": it may call nothing
    payloads: bool = True  # payloads of events that succeeded are kept with their history
    on_success: Destination | None = None  # where records of Event invocations go
    on_failure: Destination | None = None
    dead_letter: Destination | None = None  # a queue for the events themselves

    qualified: str = field(
        init=False, repr=False, compare=False
    )  # its name, and its version unless that is $LATEST: what environments belong to

    def __post_init__(self) -> None:
        """Say it once: every invocation asks for it several times."""
        object.__setattr__(self, "qualified", self.name if self.version == LATEST else f"{self.name}:{self.version}")

    @property
    def log_group(self) -> str:
        """Where its environments log."""
        return self.logging.group or log_group(self.name)

    def placed(self) -> list[tuple[int, Trigger]]:
        """The enabled triggers and their places: switching one off must not rename the ones behind it."""
        return list(zip(self.places or range(len(self.triggers)), self.triggers, strict=True))

    def target_at(self, place: int) -> str:
        """What the trigger at this place of the config's list invokes."""
        return self.targets()[[at for at, _ in self.placed()].index(place)]

    def targets(self) -> list[str]:
        """What each enabled trigger invokes: the name, with the qualifier that the trigger names."""
        return [f"{self.name}:{qualifier}" if qualifier else self.name for qualifier in self.qualifiers or ("",) * len(self.triggers)]


@dataclass(frozen=True, slots=True)
class Listen:
    """Where a listener waits. systemd: on a socket it passes under the listener's name (FileDescriptorName=)."""

    kind: Literal["off", "tcp", "unix", "systemd"]
    host: str = ""  # without brackets: 127.0.0.1, ::1, localhost
    port: int = 0  # 0: a free one
    path: Path = Path()

    def __str__(self) -> str:
        if self.kind == "tcp":
            return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
        return f"unix:{self.path}" if self.kind == "unix" else self.kind


@dataclass(frozen=True, slots=True)
class Limits:
    """Of all execution environments together."""

    concurrency: int = 100
    idle: float = 600.0  # seconds an environment may be idle before it is evicted
    memory: int | None = None  # MB: what the functions' `memory` of all environments may come to; None: no bound


@dataclass(frozen=True, slots=True)
class Retention:
    """How long finished things are kept, seconds, and how much of them."""

    logs: float = 14 * 86400.0
    history: float = 7 * 86400.0
    size: int | None = None  # MB of the store; None: as large as it gets


@dataclass(frozen=True, slots=True)
class LogGroup:
    """A log group that is there before anything is written to it."""

    name: str
    retention: float | None = None  # seconds; None: that of all


@dataclass(frozen=True, slots=True)
class Config:
    """All of config.yaml."""

    file: Path
    state: Path
    region: str = "us-east-1"
    account: str = "123456789012"
    http: Listen = Listen("tcp", "127.0.0.1", 8080)
    aws: Listen = Listen("tcp", "127.0.0.1", 4566)
    console: Listen = Listen("tcp", "127.0.0.1", 8081)
    limits: Limits = Limits()
    drain: float = 30.0  # seconds
    retention: Retention = Retention()
    buckets: Mapping[str, Bucket] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)
    item_tables: Mapping[str, ItemTable] = field(default_factory=dict)
    queues: Mapping[str, Queue] = field(default_factory=dict)
    buses: Mapping[str, Bus] = field(default_factory=lambda: {"default": Bus("default")})
    topics: Mapping[str, Topic] = field(default_factory=dict)
    usage_plans: Mapping[str, UsagePlan] = field(default_factory=dict)
    roles: Mapping[str, Role] = field(default_factory=dict)
    functions: Mapping[str, Function] = field(default_factory=dict)
    rules: Mapping[str, Any] = field(default_factory=dict)  # BUS/NAME → Ruling (router/sources/ruling.py)
    notifications: Mapping[str, Any] = field(default_factory=dict)  # NAME → BucketNotification (router/sources/bucket_notification.py)
    schedules: Mapping[str, Any] = field(default_factory=dict)  # GROUP/NAME → Planned (router/sources/planned.py)
    schedule_groups: Mapping[str, ScheduleGroup] = field(default_factory=lambda: {"default": ScheduleGroup("default")})
    log_groups: Mapping[str, LogGroup] = field(default_factory=dict)
    metric_filters: Mapping[str, Any] = field(default_factory=dict)  # NAME → MetricFilter (router/sources/metric_filter.py)
    users: tuple[int, int] | None = None  # the first and the last of those that functions run as, one each
    secrets: frozenset[str] = field(default=frozenset(), repr=False)  # values that must never be logged
    given: frozenset[str] = field(default=frozenset(), repr=False)  # those that references stand for
    declared: tuple["Fragment", ...] = field(default=(), repr=False, compare=False)  # what the API declared beside the file
    owners: Mapping[tuple[str, str], "Owner"] = field(default_factory=dict, repr=False, compare=False)  # (section, name) → who declares it
    text: str = field(default="", repr=False, compare=False)  # the file's
    kept: "Kept | None" = field(default=None, repr=False, compare=False)  # all that was read of it, for the next one
