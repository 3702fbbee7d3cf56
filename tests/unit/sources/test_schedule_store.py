"""What a crash leaves of ticks: those that were decided and not handed over, and nothing of schedules that are no more."""

from pathlib import Path

import apsw

from router.events.agenda import Cursor, Due
from router.journal.database import Database
from router.sources import schedule_store
from router.sources.schedule_store import ScheduleStore, Wanted

WANTED = {name: Wanted("rate(1 minute)", Cursor(60, 60)) for name in ("kept", "gone")}


async def test_a_tick_stays_on_record_until_it_is_handed_over_however_often_a_daemon_dies(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "store.db")
    store = ScheduleStore(database)
    await store.load(WANTED, 60)
    await store.decide([Due(name, (120, 180), 0, Cursor(180, 60), None) for name in WANTED])
    wanted = {"kept": WANTED["kept"]}
    loaded = await store.load(wanted, 200)
    assert (loaded.pending, loaded.removed) == ([("kept", 120), ("kept", 180)], [("gone", 120), ("gone", 180)])
    for _ in range(2):
        loaded = await ScheduleStore(database).load(wanted, 200)
        assert (loaded.pending, loaded.removed) == ([("kept", 120), ("kept", 180)], [])

    def handed_over(connection: apsw.Connection) -> set[schedule_store.Tick]:
        return schedule_store.drop(connection, [("kept", 120), ("kept", 60)])

    assert await database.transact(handed_over) == {("kept", 120)}
    loaded = await store.load(wanted, 200)
    assert loaded.pending == [("kept", 180)]
    assert loaded.schedules["kept"].last == 120
    await database.close()
