"""What is told to be put, kept or removed is on the disk by then, in an order that a power cut may end anywhere."""

import os
from pathlib import Path
from typing import Any

import pytest

from router.buckets.facts import UNSAID
from router.buckets.multipart import PART
from router.buckets.staging import BODY
from tests.helpers.objects import BUCKET, rig


@pytest.fixture
def done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is synced and renamed, in order; random parts of names are left out."""
    found, fsync, rename, root = list[str](), os.fsync, os.rename, tmp_path / "bucket"

    def short(name: str) -> str:
        return next((name[: name.index(one) + len(one)] for one in (BODY, PART) if one in name), name)

    def synced(descriptor: int) -> None:
        found.append(f"sync {short(os.path.relpath(os.readlink(f'/proc/self/fd/{descriptor}'), root))}")
        fsync(descriptor)

    def renamed(source: str, goal: str, **how: Any) -> None:
        found.append(f"rename {short(goal)}")
        rename(source, goal, **how)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "rename", renamed)
    return found


async def test_the_content_of_an_object_is_on_the_disk_before_its_name_and_that_before_it_is_told(tmp_path: Path, done: list[str]) -> None:
    async with rig(tmp_path) as house:
        await house.put("a/b", b"content")
        assert done.count("sync .") == 2, "the directories that were made: of bodies, and of the object"
        assert done[-3:] == ["sync .router/put-", "rename b", "sync a"]


async def test_a_part_is_on_the_disk_before_it_is_told(tmp_path: Path, done: list[str]) -> None:
    async with rig(tmp_path) as house:
        upload = await house.objects.create_upload(BUCKET, "k", UNSAID)
        await house.part(upload, 1, b"content")
        assert done[-3:] == ["sync .router/put-", "rename part-", "sync .router"]


async def test_a_removal_is_on_the_disk_before_it_is_told(tmp_path: Path, done: list[str]) -> None:
    async with rig(tmp_path) as house:
        await house.put("k", b"content")
        done.clear()
        await house.objects.delete(BUCKET, "k")
        assert done == ["sync ."]
