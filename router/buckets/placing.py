"""Putting the file of a key in place: its directory, the room for it, the rename. Touches the disk: run in a thread."""

import contextlib
import os
from typing import Final

from router.buckets import staging
from router.buckets.facts import Identity
from router.buckets.object_keys import Place
from router.buckets.shelf import Shelf, is_directory
from router.buckets.staging import Staged
from router.buckets.versions import Seen

TRIES: Final = 8  # directories that vanish before a file is renamed into them


def any_there(root: int, directories: list[str]) -> bool:
    """Whether one of these directories is there."""
    return any(is_directory(root, one) for one in directories)


def prepared(root: int, where: Place, staged: Staged, *, emptying: bool) -> tuple[int, Identity, Seen | None]:
    """The directory of an object, open, with room for its file; the version that the body will be, and the file it replaces.

    Raises FolderThere when a directory is in the way, and is not to be removed: unless *emptying*."""
    directory = staging.parent(root, where.directory)
    try:
        former = staging.clear(directory, where.name, emptying=emptying)
        staged.move_beside(directory, where.directory)
        return directory, staged.seal(), former
    except BaseException:
        os.close(directory)
        raise


def published(shelf: Shelf, where: Place, staged: Staged, directory: int) -> Seen:
    """See Staged.publish. A directory that was removed meanwhile is made again, in the place of *directory*."""
    for _ in range(TRIES):
        with contextlib.suppress(FileNotFoundError):
            return staged.publish(directory, where.name)
        root = shelf.opened()
        try:
            again = staging.parent(root, where.directory)
        finally:
            os.close(root)
        os.dup2(again, directory, inheritable=False)
        os.close(again)
    return staged.publish(directory, where.name)
