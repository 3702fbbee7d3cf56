"""What is written into systemd's units, and read out of them."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from router.cli.service_text import assignments, command, ours, quoted, settings, unspeakable, words

SPEAKABLE = st.text(st.characters(codec="utf-8"), min_size=1).filter(lambda text: not unspeakable(text))


@given(said=st.lists(SPEAKABLE))
@example(said=["/data/my photos", "100%", "a\\", '"', "'", "$HOME", "%h", "\\\\x20", "-/a", ";", "#"])
def test_words_come_back_as_they_were(said: list[str]) -> None:
    assert words(" ".join(map(quoted, said))) == said


@given(word=SPEAKABLE)
def test_a_word_stays_in_its_line_and_starts_no_specifier(word: str) -> None:
    text = quoted(word)
    assert "\n" not in text
    assert not text.replace("%%", "").count("%")
    assert list(assignments(f"[Service]\nReadWritePaths={text}\nUMask=0027\n"))[-1] == ("Service", "UMask", "0027")


@pytest.mark.parametrize("word", ["a\nb", "\x7f", "\ud800", "\ufdd0", "\uffff", "\U0001fffe"])
def test_what_no_unit_can_say_is_refused(word: str) -> None:
    with pytest.raises(ValueError, match="has a"):
        quoted(word)


def test_a_plain_command_is_plain_and_a_dollar_is_no_variable() -> None:
    assert command(("/opt/router", "run", "--config", "/etc/c.yaml")) == "/opt/router run --config /etc/c.yaml"
    assert command(("/opt/router", "run", "/srv/$HOME")) == ':/opt/router run "/srv/$HOME"'
    assert command(("/opt/a b/router", "/100%")) == '"/opt/a b/router" "/100%%"'


@pytest.mark.parametrize("program", ["/opt/it's/router", '/opt/"/router', "/opt/a\\b", "/opt/\t"])
def test_a_program_that_systemd_would_not_start_is_refused(program: str) -> None:
    with pytest.raises(ValueError, match="has a"):
        command((program, "run"))


def test_a_later_drop_in_adds_and_an_empty_value_takes_back() -> None:
    unit = "[Unit]\nAfter=x\n[Service]\n# no\nExecStart=/a \\\n  b\nReadWritePaths=-/a\n"
    assert settings([unit, "[Service]\nExecStart=\nExecStart=/c\nReadWritePaths=/d\n"]) == {
        "ExecStart": ["/c"],
        "ReadWritePaths": ["-/a", "/d"],
    }
    assert settings([unit])["ExecStart"] == ["/a  b"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("[Unit]\nDescription=event-router: x\n", True), ("[Unit]\nDescription=IP router\nAfter=event-router.service\n", False), ("", False)],
)
def test_our_files_are_known_by_what_they_say(text: str, *, expected: bool) -> None:
    assert ours(text) is expected
