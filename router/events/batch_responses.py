"""What a function said of its batch: which records failed.

Pure. Read only where the mapping asks for ReportBatchItemFailures; elsewhere a result says nothing of single records.
Sources: Lambda developer guide, "Configuring partial batch response with Amazon SQS" and "… with Kinesis Data Streams";
AWS's verdicts in tests/golden/responses_stream_batch_response_cases.json."""

from collections.abc import Collection, Sequence
from typing import Any, Final

import orjson

KEY: Final = "batchItemFailures"
ITEM: Final = "itemIdentifier"

_SUCCESS: Final[tuple[Any, ...]] = ("", [], {})  # whole results that AWS takes for "nothing failed"


class WholeBatchFailed(ValueError):
    """The result is none AWS understands, so all of the batch counts as failed; the text says why."""


def failed(result: bytes, ids: Collection[str]) -> frozenset[str]:
    """The ids that failed, out of *ids*: message ids of a queue, sequence numbers of a stream. *result* is JSON text.

    An object without batchItemFailures says that nothing failed. Raises WholeBatchFailed for text that is not JSON, for a
    result that is neither an object nor empty, and as soon as one entry is wrong: a key of another name, an identifier that
    is empty, not text, or not one of *ids*."""
    try:
        value = orjson.loads(result) if result else None
    except orjson.JSONDecodeError as error:
        raise WholeBatchFailed(f"the result is not JSON: {error}") from None
    if value is None or value in _SUCCESS:
        return frozenset()
    if not isinstance(value, dict):
        raise WholeBatchFailed(f"the result is a {type(value).__name__}, not an object with {KEY}")
    entries = value.get(KEY)
    if entries is None:
        return frozenset()
    if not isinstance(entries, list):
        raise WholeBatchFailed(f"{KEY} is a {type(entries).__name__}, not a list")
    return frozenset(_identifier(entry, ids) for entry in entries)


def _identifier(entry: Any, ids: Collection[str]) -> str:
    if not isinstance(entry, dict) or ITEM not in entry:
        raise WholeBatchFailed(f"an entry of {KEY} has no {ITEM}")
    identifier = entry[ITEM]
    if not isinstance(identifier, str) or not identifier:
        raise WholeBatchFailed(f"{ITEM} is {identifier!r:.40}, not the id of a record")
    if identifier not in ids:
        raise WholeBatchFailed(f"{ITEM} {identifier!r:.80} is no record of the batch")
    return identifier


def resume(ids: Sequence[str], failures: Collection[str]) -> int:
    """Where a stream goes on, as an index into *ids* (in the order of the shard): at the first that failed, else behind the last."""
    return next((index for index, identifier in enumerate(ids) if identifier in failures), len(ids))
