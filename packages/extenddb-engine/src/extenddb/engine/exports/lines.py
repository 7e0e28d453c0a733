"""Lines of the data files of an export, in DynamoDB JSON or Ion. Pure.

The layout is the developer guide's, "DynamoDB table export output format".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from extenddb.core.types.attribute import Item
from extenddb.engine import codec, ion

_NEWLINE = b"\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedItem:
    """What an incremental export says of one item."""

    keys: Item
    old: Item | None
    """The item before the export's period; None when it was not there, or is not asked for."""
    new: Item | None
    """The item at the end of the period; None when it was removed."""
    written_ms: int
    """Time of the last change in the period, in milliseconds since the epoch."""

    @property
    def images(self) -> dict[str, Item]:
        """The images there are, by member."""
        return {name: image for name, image in (("OldImage", self.old), ("NewImage", self.new)) if image is not None}


def json_item(body: bytes) -> bytes:
    """Return the line of an item from its stored bytes."""
    return b'{"Item":' + body + b"}\n"


def ion_item(body: bytes) -> bytes:
    """Return the line of an item from its stored bytes."""
    return ion.dump({"Item": ion.struct(codec.load(body))}) + _NEWLINE


def json_change(change: ChangedItem) -> bytes:
    """Return the line of an item that changed."""
    micros = {"N": str(change.written_ms * 1000)}
    record = {"Metadata": {"WriteTimestampMicros": micros}, "Keys": change.keys, **change.images}
    return codec.dump(record) + _NEWLINE


def ion_change(change: ChangedItem) -> bytes:
    """Return the line of an item that changed."""
    record = {
        "Keys": ion.struct(change.keys),
        "Metadata": {"WriteTimestampMicros": ion.number(change.written_ms * 1000)},
        **{name: ion.struct(image) for name, image in change.images.items()},
    }
    return ion.dump({"Record": record}) + _NEWLINE


ITEMS: Mapping[str, Callable[[bytes], bytes]] = {"DYNAMODB_JSON": json_item, "ION": ion_item}
"""By ExportFormat, what makes the line of an item."""
CHANGES: Mapping[str, Callable[[ChangedItem], bytes]] = {"DYNAMODB_JSON": json_change, "ION": ion_change}
"""By ExportFormat, what makes the line of a changed item."""
EXTENSIONS: Mapping[str, str] = {"DYNAMODB_JSON": "json.gz", "ION": "ion.gz"}
"""By ExportFormat, how the names of data files end."""
