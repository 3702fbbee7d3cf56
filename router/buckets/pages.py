"""Listings of one bucket: a page of keys out of its directories and its notes, with what is known of each object."""

import os
from bisect import bisect_left
from collections.abc import Iterator
from functools import partial

from router.buckets.etags import Found
from router.buckets.facts import NOTHING, Listed, Page
from router.buckets.notes import Note
from router.buckets.object_keys import place
from router.buckets.paging import Paged, merged, page
from router.buckets.shelf import ABSENT, Shelf, is_directory
from router.buckets.tree import Directories, Tree, examined
from router.buckets.versions import Seen


class Pages:
    """Of one bucket. Belongs to one event loop."""

    def __init__(self, shelf: Shelf, directories: Directories) -> None:
        self._shelf, self._directories = shelf, directories

    async def page(self, prefix: str, delimiter: str, after: str, limit: int) -> Page:
        """See objects.Store.list_page."""
        shelf = self._shelf
        extras = await shelf.extras()
        wanted = _bytes(prefix), _bytes(delimiter), _bytes(after), limit
        paged, seen = await shelf.listing(self._paged, tuple(extras), wanted)
        markers = [key.decode() for key in paged.keys if key.endswith(b"/")]
        notes = await shelf.noted([Found(key, state) for key, state in seen.items()])
        notes |= await shelf.notes.newest_of(markers)
        listed = (notes.get(key.decode()) for key in paged.keys)
        objects = tuple(_listed(note) for note in listed if note is not None)
        return Page(objects, tuple(one.decode() for one in paged.common_prefixes), None if paged.next is None else paged.next.decode())

    async def empty(self) -> bool:
        """Whether there is no object at all."""
        extras = await self._shelf.extras()
        paged, _ = await self._shelf.listing(self._paged, tuple(extras), (b"", b"", b"", 1))
        return not paged.keys

    def _paged(self, root: int, extras: tuple[bytes, ...], wanted: tuple[bytes, bytes, bytes, int]) -> tuple[Paged, dict[str, Seen]]:
        """The keys of a page and what their files are. In a thread."""
        prefix, delimiter, after, limit = wanted
        tree = Tree(root, self._shelf.ignored, self._directories)

        def seek(bound: bytes) -> Iterator[bytes]:
            more = partial(_there, root)
            return merged(tree.keys(prefix, bound), filter(more, _since(extras, prefix, bound)))

        paged = page(seek, prefix, delimiter, after, limit)
        return paged, examined(root, [key for key in paged.keys if not key.endswith(b"/")])


def _since(extras: tuple[bytes, ...], prefix: bytes, bound: bytes) -> Iterator[bytes]:
    for index in range(bisect_left(extras, max(prefix, bound)), len(extras)):
        if not extras[index].startswith(prefix):
            return
        yield extras[index]


def _there(root: int, key: bytes) -> bool:
    """Whether what makes a note an object is still there."""
    where = place(key.decode())
    try:
        if where.marker:
            return is_directory(root, where.directory)
        os.stat(key, dir_fd=root, follow_symlinks=False)
    except OSError as error:
        if error.errno in ABSENT:
            return False
        raise
    return True


def _listed(note: Note) -> Listed:
    said = note.metadata
    etag = NOTHING if note.key.endswith("/") else note.etag
    return Listed(note.key, note.identity, etag, said.storage_class, tuple(sorted(said.checksums)), said.checksum_type)


def _bytes(text: str) -> bytes:
    """As keys are compared; what is no text stands before nothing and after nothing that a key can be."""
    return text.encode(errors="surrogatepass")
