"""Records of changes: what a write leaves behind for streams and for point-in-time recovery. Pure.

A record is a JSON object put together from the stored bytes of the images, without parsing them: `Event` (INSERT,
MODIFY or REMOVE), `Keys`, `Old` and `New` where the capture wants them, and `Identity`
when a service made the change.
"""

from __future__ import annotations

from collections.abc import Mapping

from extenddb.core.types.attribute import Item
from extenddb.engine import codec
from extenddb.engine.tables.table import Table
from extenddb.storage.model import Change


def changes(
    table: Table,
    old: Item | None,
    old_body: bytes | None,
    new: Item | None,
    new_body: bytes | None,
    now_ms: int,
    identity: Mapping[str, str] | None = None,
) -> tuple[Change, ...]:
    """Return the records of one change for everyone who captures the table's changes."""
    if not table.captures:
        return ()
    item = new if new is not None else old
    if item is None:
        return ()
    event = b"MODIFY" if old is not None and new is not None else b"INSERT" if old is None else b"REMOVE"
    head = b'{"Event":"' + event + b'","Keys":' + codec.dump(table.schema.attributes(item))
    if identity is not None:
        head += b',"Identity":' + codec.dump(identity)
    return tuple(
        Change(
            each.stream,
            now_ms,
            head
            + (b',"Old":' + old_body if each.old and old_body is not None else b"")
            + (b',"New":' + new_body if each.new and new_body is not None else b"")
            + b"}",
        )
        for each in table.captures
    )
