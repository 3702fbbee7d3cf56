"""The score's part of docs/fidelity.md: written between two markers, read back as the floor."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.fidelity.scope import NOT_PRODUCED
from tests.fidelity.score import Known, Score

PAGE: Final = Path(__file__).parents[2] / "docs" / "fidelity.md"
BEGIN: Final = "<!-- score: begin, written by python -m tests.fidelity -->"
END: Final = "<!-- score: end -->"

_ROW: Final = re.compile(r"\| (?P<kind>[^|]+) \| (?P<samples>\d+) \| (?P<right>\d+) / (?P<known>\d+) \|.*")


class NoMarkers(Exception):
    """The page has not both markers, in this order."""


def text(scores: Sequence[Score], known: Sequence[Known]) -> str:
    """What stands between the markers."""
    flaws = [one for one in known if one.flawed]
    ours = [one for one in known if not one.flawed]
    return "\n".join(
        [
            "| source type | samples | fields right / fields known | |",
            "|---|---|---|---|",
            *(f"| {one.kind} | {one.samples} | {one.right} / {one.known} | {_share(one)} |" for one in scores),
            "",
            *_table("Known deviations of ours:", ours, "No field of a sample is known to be wrong in ours."),
            *_table("Fields that are not counted, because the sample is wrong there:", flaws, "No sample is wrong."),
            "Samples that nothing here produces:",
            "",
            *(f"- {', '.join(f'`{name}`' for name in names)}: {reason}" for reason, names in _by_reason(NOT_PRODUCED).items()),
        ],
    )


def _share(score: Score) -> str:
    return f"{100 * score.right / score.known:.1f} %"


def _table(title: str, known: Sequence[Known], nothing: str) -> list[str]:
    if not known:
        return [nothing, ""]
    alike: dict[tuple[str, str], list[Known]] = {}
    for one in known:
        alike.setdefault((one.path, one.reason), []).append(one)
    rows = [
        f"| {', '.join(f'`{name}`' for name in dict.fromkeys(one.sample for one in found))} | `{path}` "
        f"| {sum(one.fields for one in found)} | {reason} |"
        for (path, reason), found in alike.items()
    ]
    return [title, "", "| samples | field | how many | reason |", "|---|---|---|---|", *rows, ""]


def _by_reason(names: Mapping[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, reason in names.items():
        found.setdefault(reason, []).append(name)
    return found


def placed(page: str, inside: str) -> str:
    """*page* with *inside* between its markers. Raises NoMarkers."""
    before, middle, after = _split(page)
    del middle
    return f"{before}{BEGIN}\n{inside}\n{END}{after}"


def floor(page: str) -> dict[str, tuple[int, int]]:
    """Fields right and fields known by source type, as *page* says them. Raises NoMarkers."""
    rows = (match for line in _split(page)[1].splitlines() if (match := _ROW.fullmatch(line)))
    return {match["kind"]: (int(match["right"]), int(match["known"])) for match in rows}


def fallen(page: str, scores: Sequence[Score]) -> list[str]:
    """What is worse than *page* says, one sentence each. Fewer fields right is worse, and so is a smaller share of them."""
    now = {score.kind: (score.right, score.known) for score in scores}
    told = []
    for kind, (right, known) in floor(page).items():
        have, of = now.get(kind, (0, 0))
        if have < right or have * known < right * of:
            told.append(f"{kind}: {have} of {of} fields are right, the page says {right} of {known}")
    return told


def _split(page: str) -> tuple[str, str, str]:
    before, begin, rest = page.partition(BEGIN)
    middle, end, after = rest.partition(END)
    if not begin or not end:
        raise NoMarkers(f"the page needs the lines {BEGIN} and {END}")
    return before, middle, after
