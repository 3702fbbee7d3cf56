"""API keys and usage plans: who may call a REST route, how fast, and how often in a day, a week or a month.

What a key has used is counted in memory and written to the store every FLUSH seconds and at the stop, never while a
request waits. What kill -9 takes is what was counted since: it is in the caller's favour."""

import asyncio
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import apsw
import structlog

from router.clock import Clock
from router.config.types import UsagePlan
from router.errors import JournalError
from router.events.gateway import FREE, Arrival, Asked, Denied, Passage
from router.events.throttle import TokenBucket, retry_after
from router.events.usage_plan import DAY, Allowance, Used
from router.journal.database import Database
from router.sources.base import Outlet
from router.telemetry.metrics import Labels, Metrics

log = structlog.get_logger("router.http")

HEADER: Final = "x-api-key"
OLD: Final = 62 * DAY  # seconds after which no period goes on
FLUSH: Final = 1.0  # seconds between two writings of what was used

FORBIDDEN: Final = Denied(403, {"message": "Forbidden"}, "ForbiddenException")

_STEPS: Final = (
    """
    CREATE TABLE usage_counts (
        plan TEXT NOT NULL,
        key TEXT NOT NULL,          -- its name, not the key
        start INTEGER NOT NULL,     -- epoch seconds: when the period began
        requests INTEGER NOT NULL,
        PRIMARY KEY (plan, key)
    ) WITHOUT ROWID;
    """,
)
_LOAD: Final = "SELECT plan, key, start, requests FROM usage_counts"
_FORGET: Final = "DELETE FROM usage_counts WHERE start < ?"
_SAVE: Final = "INSERT INTO usage_counts VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET start = excluded.start, requests = excluded.requests"


@dataclass(slots=True)
class Holder:
    """One key of one plan."""

    plan: str
    key: str  # its name
    bucket: TokenBucket | None
    allowance: Allowance | None


class Usage:
    """What all keys of all plans have used."""

    def __init__(self, plans: Mapping[str, UsagePlan], clock: Clock, metrics: Metrics) -> None:
        self.clock, self._plans = clock, plans
        self._holders: dict[str, dict[bytes, Holder]] = {name: _holders(plan, clock.monotonic()) for name, plan in plans.items()}
        self._unsaved: dict[tuple[str, str], Allowance] = {}
        self._failing = False
        self._loaded = False
        self._requests = metrics.counter("router_usage_requests_total", "Requests with an API key.", "plan", "key", "outcome")
        self._metrics = metrics

    def tell(self) -> None:
        """Have the gauge say what it says from now on."""
        told = "Requests of a key in the quota's period."
        self._metrics.gauge("router_usage_quota_used", told, "plan", "key", read=self._figures)

    def holders(self, plans: Iterable[str]) -> Mapping[bytes, Holder]:
        """Digest of a key → its holder, of all keys of these plans."""
        return {digest: holder for plan in plans for digest, holder in self._holders[plan].items()}

    def admit(self, holder: Holder) -> Denied | None:
        """Count a request; None when it may pass."""
        if holder.bucket is not None and (wait := holder.bucket.take(self.clock.monotonic())):
            self._requests.add(holder.plan, holder.key, "throttled")
            return too_many(wait)
        if holder.allowance is not None:
            if wait := holder.allowance.take(self.clock.now()):
                self._requests.add(holder.plan, holder.key, "over_quota")
                return Denied(429, {"message": "Limit Exceeded"}, "LimitExceededException", retry_after(wait))
            self._unsaved[holder.plan, holder.key] = holder.allowance
        self._requests.add(holder.plan, holder.key, "admitted")
        return None

    async def open(self, database: Database) -> None:
        """Take over what earlier runs counted. Raises JournalError."""
        if self._loaded:
            return
        await database.migrate("usage", _STEPS)
        await database.write(_FORGET, int(self.clock.now()) - OLD)
        kept = {(plan, key): Used(start, requests) for plan, key, start, requests in await database.read(_LOAD)}
        for holder in self._all():
            if holder.allowance is not None and (used := kept.get((holder.plan, holder.key))) is not None:
                holder.allowance.restore(used)
        self._loaded = True

    def succeed(self, former: "Usage") -> None:
        """Share the counts of keys whose plan has not changed: requests that are under way still count there."""
        for name, holders in self._holders.items():
            plan, before = self._plans[name], former._plans.get(name)  # noqa: SLF001 - its own kind
            if before is None or (plan.throttle, plan.quota) != (before.throttle, before.quota):
                continue
            counted = {holder.key: holder for holder in former._holders[name].values()}  # noqa: SLF001 - its own kind
            for holder in holders.values():
                if (same := counted.get(holder.key)) is not None:
                    holder.bucket, holder.allowance = same.bucket, same.allowance

    async def run(self, database: Database) -> None:
        """Write what was used again and again, until cancelled."""
        while True:
            await self.clock.sleep(FLUSH)
            await self.save(database)

    async def save(self, database: Database) -> None:
        """Write what was used since the last time; what cannot be written now is kept for the next."""
        if not self._unsaved or not self._loaded:
            return
        taken, self._unsaved = self._unsaved, {}
        rows = [(plan, key, *allowance.used) for (plan, key), allowance in taken.items()]

        def unit(connection: apsw.Connection) -> None:
            connection.executemany(_SAVE, rows)

        try:
            await database.transact(unit)
        except JournalError as error:
            self._unsaved = taken | self._unsaved
            if not self._failing:
                log.warning("usage_not_saved", keys=len(self._unsaved), error=str(error))
            self._failing = True
        except asyncio.CancelledError:
            self._unsaved = taken | self._unsaved
            raise
        else:
            self._failing = False

    def _all(self) -> Iterable[Holder]:
        return (holder for holders in self._holders.values() for holder in holders.values())

    def _figures(self) -> Mapping[Labels, float]:
        now = self.clock.now()
        return {(one.plan, one.key): one.allowance.look(now).requests for one in self._all() if one.allowance is not None}


class KeyGuard:
    """Wants the key of a plan in x-api-key; see http_face.Guard."""

    def __init__(self, usage: Usage, plans: Sequence[str]) -> None:
        self._usage = usage
        self._holders = usage.holders(plans)

    async def admit(self, asked: Asked, arrival: Arrival, outlet: Outlet) -> Passage | Denied:  # noqa: ARG002 - as all guards
        """403 without a key of the route's plans, 429 over its throttle or quota."""
        return self.admit_key(key_in(asked))

    def admit_key(self, key: str) -> Passage | Denied:
        """The same, of a key that is known."""
        holder = self._holder(key)
        if holder is None:
            return FORBIDDEN
        return self._usage.admit(holder) or _passage(key, holder)

    def identify(self, key: str) -> Passage:
        """What the event says about a key; counts nothing."""
        holder = self._holder(key)
        return FREE if holder is None else _passage(key, holder)

    def _holder(self, key: str) -> Holder | None:
        return self._holders.get(digest_of(key)) if key else None


def key_in(asked: Asked) -> str:
    """The request's API key; "" when there is none."""
    return asked.request.header(HEADER)


def too_many(wait: float) -> Denied:
    """The answer to who is throttled for *wait* seconds."""
    return Denied(429, {"message": "Too Many Requests"}, "TooManyRequestsException", retry_after(wait))


def digest_of(key: str) -> bytes:
    """What keys are looked up by: how long a look-up takes tells nothing about any key."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()


def _passage(key: str, holder: Holder) -> Passage:
    return Passage(identity={"apiKey": key, "apiKeyId": holder.key})


def _holders(plan: UsagePlan, now: float) -> dict[bytes, Holder]:
    return {
        digest_of(key): Holder(
            plan.name,
            name,
            None if plan.throttle is None else TokenBucket(plan.throttle.rate, plan.throttle.burst, now),
            None if plan.quota is None else Allowance(plan.quota.limit, plan.quota.period),
        )
        for name, key in plan.keys.items()
    }
