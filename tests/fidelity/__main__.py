"""`python -m tests.fidelity`: compare our events with AWS's samples and write the score into docs/fidelity.md.

--check writes nothing; it fails when a field differs for no known reason, when a score fell, or when the page is stale.
A fallen score is not written either, unless --lower says that it is meant."""

import argparse
import sys
from collections.abc import Sequence

from tests.fidelity import page
from tests.fidelity.score import CASES, known, scores


def problems(written: str) -> list[str]:
    """What speaks against *written*, the page as it is, one sentence each; [] when all is well."""
    unexplained = [f"{case.name}: {field}" for case in CASES for field in case.unexplained()]
    idle = [f"{case.name}: {one.path} is said to differ and does not" for case in CASES for one in case.idle()]
    return [*unexplained, *idle, *page.fallen(written, scores())]


def main(words: Sequence[str] | None = None) -> int:
    """Exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.fidelity", description="Score our events against AWS's samples.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a score fell or the page is stale")
    parser.add_argument("--lower", action="store_true", help="write the page although a score fell")
    wanted = parser.parse_args(words)
    written = page.PAGE.read_text(encoding="utf-8")
    fresh = page.placed(written, page.text(scores(), known()))
    for score in scores():
        print(f"{score.kind:24} {score.right:5} / {score.known:5}   {score.samples:3} samples, {score.flawed} fields of them wrong")
    told = problems(written)
    for problem in told:
        print(problem, file=sys.stderr)
    if wanted.check:
        stale = fresh != written
        if stale:
            print("docs/fidelity.md is stale: run python -m tests.fidelity", file=sys.stderr)
        return 1 if told or stale else 0
    if told and not wanted.lower:
        return 1
    page.PAGE.write_text(fresh, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
