"""The records of a reader in portions, each with the place behind it."""

from __future__ import annotations

from extenddb.engine.imports.reading import Batch, Place, Reader


class Feed:
    """Reads on from a place, a bounded number of records at a time."""

    def __init__(self, reader: Reader) -> None:
        self.place = reader.place
        self._reader = reader
        self._left: Batch | None = None

    async def next(self, most: int, max_bytes: int) -> Batch | None:
        """Return the next records, of one object: at most `most`, and one more than fit into `max_bytes`; None at the
        end. Raises BucketError."""
        batch = self._left or await self._reader.next(max_bytes)
        if batch is None:
            return None
        count = _fitting(batch.records, most, max_bytes)
        if count >= len(batch.records):
            self._left, portion = None, batch
        else:
            done = self.place.record if self.place.object == batch.place.object else 0
            place = Place(batch.place.object, done + count)
            portion = batch._replace(records=batch.records[:count], place=place, problem=None)
            self._left = batch._replace(records=batch.records[count:])
        self.place = portion.place
        return portion


def _fitting(records: list[bytes], most: int, max_bytes: int) -> int:
    """Return how many records make a portion."""
    size = 0
    for count, record in enumerate(records[:most], start=1):
        size += len(record)
        if size >= max_bytes:
            return count
    return min(len(records), most)
