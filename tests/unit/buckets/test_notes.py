"""Notes are of one version of one key."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from router.buckets.facts import Caller, Identity, Metadata
from router.buckets.notes import Note, Notes, Presence, prepare
from router.buckets.versions import MAX
from router.journal.database import Database

NOTE = Note("d/k", Identity(1, 2, MAX), "etag", Metadata({"a": "b"}), "ObjectCreated:Post", Caller("AWS:X", "::1"))


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await Database.open(tmp_path / "store")
    await prepare(opened)
    await prepare(opened)
    yield opened
    await opened.close()


@pytest.fixture
def notes(database: Database) -> Notes:
    return Notes(database, "uploads", Presence())


async def test_a_note_is_found_by_its_version_alone(notes: Notes) -> None:
    assert await notes.matching({"d/k": NOTE.identity}) == {}
    await notes.put([NOTE, replace(NOTE, key="é\n'\"", extra=True)])
    assert await notes.matching({"d/k": NOTE.identity, "d": NOTE.identity}) == {"d/k": NOTE}
    assert (await notes.matching({"é\n'\"": NOTE.identity}))["é\n'\""].extra
    for other in ((1, 3, MAX), (1, 2, MAX - 1)):
        assert await notes.matching({"d/k": Identity(*other)}) == {}


async def test_what_was_put_is_known_again_after_it_was_restored(notes: Notes) -> None:
    """Its inode is another, its time is its own; a drop's time may be anybody's."""
    await notes.put([NOTE, replace(NOTE, key="dropped", event="")])
    restored = NOTE.identity._replace(inode=7)
    assert await notes.matching({"d/k": restored, "dropped": restored}) == {"d/k": replace(NOTE, identity=restored)}


async def test_versions_of_a_key_stand_side_by_side_until_the_others_go(notes: Notes, database: Database) -> None:
    later = replace(NOTE, identity=Identity(9, 9, 9))
    await notes.put([NOTE, later, replace(NOTE, key="d/other")])
    assert await notes.newest("d/k") == NOTE
    assert await notes.newest_of(["d/other", "d/k", "none"]) == {"d/k": NOTE, "d/other": replace(NOTE, key="d/other")}
    await database.transact(notes.dropping_others("d/k", later.identity))
    assert await notes.newest("d/k") == later
    await database.transact(notes.dropping("d/k"))
    assert await notes.newest("d/k") is None
    assert [note.key for note in await notes.page(None, 10)] == ["d/other"]


async def test_extras_come_in_the_order_of_their_bytes(notes: Notes) -> None:
    keys = ["b/", "a/b/", ".x", "a-/", "é/", "\U00010000", "\uffff"]
    await notes.put([replace(NOTE, key=key, extra=True) for key in keys] + [NOTE])
    found, after = list[str](), ""
    while page := await notes.extras(after, 2):
        found += [note.key for note in page]
        after = found[-1]
    assert found == sorted(keys, key=str.encode)


async def test_all_notes_come_in_pages(notes: Notes) -> None:
    made = [replace(NOTE, key=f"{number % 3}/k{number}", identity=Identity(number, 0, 0)) for number in range(10)]
    await notes.put(made)
    found, after = list[Note](), None
    while page := await notes.page(after, 3):
        found += page
        after = page[-1]
    assert sorted(found, key=lambda note: note.key) == sorted(made, key=lambda note: note.key)
    await notes.drop_these(made[:4])
    assert len(await notes.page(None, 100)) == 6
    await notes.drop_all()
    assert await notes.page(None, 100) == []


async def test_whoever_shares_the_presence_sees_the_first_note(database: Database) -> None:
    presence = Presence()
    one, other = Notes(database, "uploads", presence), Notes(database, "uploads", presence)
    assert await one.matching({"d/k": NOTE.identity}) == {}
    await other.put([NOTE])
    assert await one.matching({"d/k": NOTE.identity}) == {"d/k": NOTE}
    assert await Notes(database, "results", Presence()).matching({"d/k": NOTE.identity}) == {}
