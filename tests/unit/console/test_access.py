"""Who may use the console."""

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.console.access import NAME, PREFIX, refused, token_of
from router.errors import JournalError
from router.events.http import Request

TOKEN = f"{PREFIX}{'x' * 43}"


def asked(*headers: tuple[str, str], host: str = "127.0.0.1:8081") -> Request:
    return Request("GET", "/api/ps", headers, host=host)


def test_a_token_is_made_once_and_is_for_the_owner_alone(tmp_path: Path) -> None:
    made = token_of(tmp_path)
    assert made.startswith(PREFIX)
    assert len(made) == len(PREFIX) + 43  # 32 bytes in base64
    assert stat.S_IMODE((tmp_path / NAME).stat().st_mode) == 0o600
    assert token_of(tmp_path) == made
    assert [path.name for path in tmp_path.iterdir()] == [NAME]
    (tmp_path / NAME).unlink()
    assert token_of(tmp_path) != made


def test_a_token_of_ones_own_is_taken(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text(f"  {'k' * 40}\n")
    (tmp_path / NAME).chmod(0o600)
    assert token_of(tmp_path) == "k" * 40


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_token_that_others_can_reach_is_refused(tmp_path: Path, mode: int) -> None:
    token_of(tmp_path)
    (tmp_path / NAME).chmod(mode)
    with pytest.raises(JournalError, match="is open to other users"):
        token_of(tmp_path)


@pytest.mark.parametrize("text", ["", "\n", "short", "a" * 31, "\x00" * 40])
def test_a_file_without_a_token_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / NAME).write_text(text)
    (tmp_path / NAME).chmod(0o600)
    with pytest.raises(JournalError, match="holds no token"):
        token_of(tmp_path)


def test_a_link_a_directory_and_a_pipe_are_refused(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text(TOKEN)
    elsewhere.chmod(0o600)
    for number, make in enumerate(
        (lambda path: path.symlink_to(elsewhere), lambda path: path.mkdir(0o700), lambda path: os.mkfifo(path, 0o600))
    ):
        state = tmp_path / str(number)
        state.mkdir()
        make(state / NAME)
        with pytest.raises(JournalError):
            token_of(state)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([("authorization", f"Bearer {TOKEN}")], 0),
        ([("authorization", f"bearer  {TOKEN} ")], 0),
        ([("authorization", f"Bearer {TOKEN}"), ("origin", "http://127.0.0.1:8081")], 0),
        ([], 401),
        ([("authorization", TOKEN)], 401),
        ([("authorization", f"Basic {TOKEN}")], 401),
        ([("authorization", f"Bearer {TOKEN}x")], 401),
        ([("authorization", f"Bearer {TOKEN[:-1]}")], 401),
        ([("authorization", "Bearer ")], 401),
        ([("authorization", "Bearer é")], 401),
        ([("cookie", f"token={TOKEN}")], 401),
        ([("authorization", f"Bearer {TOKEN}"), ("origin", "http://127.0.0.1:8080")], 403),
        ([("authorization", f"Bearer {TOKEN}"), ("origin", "https://127.0.0.1:8081")], 403),
        ([("authorization", f"Bearer {TOKEN}"), ("origin", "http://evil.example")], 403),
        ([("origin", "null")], 403),
        ([("authorization", f"Bearer {TOKEN}"), ("sec-fetch-site", "same-origin"), ("origin", "https://console.example")], 0),
        ([("authorization", f"Bearer {TOKEN}"), ("sec-fetch-site", "none")], 0),
        ([("authorization", f"Bearer {TOKEN}"), ("sec-fetch-site", "same-site")], 403),
        ([("authorization", f"Bearer {TOKEN}"), ("sec-fetch-site", "cross-site"), ("origin", "http://127.0.0.1:8081")], 403),
    ],
)
def test_who_is_let_in(headers: list[tuple[str, str]], status: int) -> None:
    assert refused(asked(*headers), TOKEN) == status


@given(st.text(max_size=60))
def test_nothing_but_the_token_opens(given_text: str) -> None:
    assert (refused(asked(("authorization", f"Bearer {given_text}")), TOKEN) == 0) == (given_text.strip() == TOKEN)


def test_without_a_token_nobody_is_let_in() -> None:
    assert refused(asked(("authorization", "Bearer ")), "") == 401
