"""What the store counts itself, as metrics."""

from collections.abc import Callable

from router.journal.database import Database
from router.journal.sqlite import SqliteJournal
from router.queues.store import Queues
from router.telemetry.metrics import Labels, Metrics


def count_store(metrics: Metrics, database: Database, journal: SqliteJournal, queues: Queues) -> None:
    """Figures that the store keeps itself."""
    writer = database.writer
    metrics.gauge("router_store_commits", "Groups committed and synced since the start.", read=reading(lambda: writer.groups))
    metrics.gauge("router_store_units", "Units in them.", read=reading(lambda: writer.units))
    metrics.gauge("router_store_sync_seconds", "Time spent in commits.", read=reading(lambda: writer.sync_seconds))
    metrics.gauge("router_store_failures", "Times the store's connection was given up.", read=reading(lambda: writer.failures))
    metrics.gauge("router_store_wal_pages", "Pages in the write-ahead log at the last commit.", read=reading(lambda: writer.wal_frames))
    metrics.gauge("router_events_damaged", "Events buried for a wrong checksum of their payload.", read=reading(lambda: journal.damaged))
    told = "Messages in a queue, those in flight too, as of the last look."
    metrics.gauge("router_queue_messages", told, "queue", read=lambda: {(name,): depth for name, depth in queues.depths.items()})


def reading(read: Callable[[], float]) -> Callable[[], dict[Labels, float]]:
    """A gauge without labels."""
    return lambda: {(): read()}
