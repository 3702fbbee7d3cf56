"""What AWS makes of a function's answer to a batch."""

import json
from typing import Any

from router.events import batch_responses
from tests.fidelity.case import GOLDEN, Case

KIND = "Answers to batches"
TABLE = "responses_stream_batch_response_cases"


def _fails(result: Any) -> bool:
    """Whether the whole batch counts as failed; no row of the table names a single record."""
    try:
        failed = batch_responses.failed(json.dumps(result).encode(), ids=("1", "2"))
    except batch_responses.WholeBatchFailed:
        return True
    assert not failed
    return False


def _sorted_by_us() -> dict[str, Any]:
    """The rows of the table under the verdict that we give."""
    table = json.loads((GOLDEN / f"{TABLE}.json").read_text(encoding="utf-8"))
    ours: dict[str, list[Any]] = {verdict: [] for verdict in table}
    for row in [row for rows in table.values() for row in rows]:
        ours["whole_batch_fails" if _fails(row) else "whole_batch_succeeds"].append(row)
    return ours


def _rows(table: dict[str, list[Any]]) -> dict[str, dict[str, bool]]:
    """One field a row, named by its JSON text."""
    return {verdict: {json.dumps(row): True for row in rows} for verdict, rows in table.items()}


def _named() -> dict[str, Any]:
    result = (GOLDEN / "responses_sqs_batch_item_failures.json").read_bytes()
    ids = [f"id{number}" for number in range(1, 6)]
    failed = batch_responses.failed(result, ids)
    return {"batchItemFailures": [{"itemIdentifier": name} for name in ids if name in failed]}


CASES = [
    Case(KIND, TABLE, _sorted_by_us, view=_rows),
    Case(KIND, "responses_sqs_batch_item_failures", _named),
]
