"""One module per operation, and the table that finds them by name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

from extenddb.engine.context import Caller, Context
from extenddb.engine.ops.batch_execute_statement import batch_execute_statement
from extenddb.engine.ops.batch_get_item import batch_get_item
from extenddb.engine.ops.batch_write_item import batch_write_item
from extenddb.engine.ops.create_table import create_table
from extenddb.engine.ops.delete_item import delete_item
from extenddb.engine.ops.delete_table import delete_table
from extenddb.engine.ops.describe_stream import describe_stream
from extenddb.engine.ops.describe_table import describe_table
from extenddb.engine.ops.describe_time_to_live import describe_time_to_live
from extenddb.engine.ops.execute_statement import execute_statement
from extenddb.engine.ops.execute_transaction import execute_transaction
from extenddb.engine.ops.get_item import get_item
from extenddb.engine.ops.get_records import get_records
from extenddb.engine.ops.get_shard_iterator import get_shard_iterator
from extenddb.engine.ops.list_streams import list_streams
from extenddb.engine.ops.list_tables import list_tables
from extenddb.engine.ops.put_item import put_item
from extenddb.engine.ops.query import query
from extenddb.engine.ops.scan import scan
from extenddb.engine.ops.transact_get_items import transact_get_items
from extenddb.engine.ops.transact_write_items import transact_write_items
from extenddb.engine.ops.update_item import update_item
from extenddb.engine.ops.update_table import update_table
from extenddb.engine.ops.update_time_to_live import update_time_to_live

Operation: TypeAlias = Callable[[Context, Caller, Any], Awaitable[dict[str, Any]]]
"""Answers a checked request; raises ServiceError or StorageError."""

OPERATIONS: Mapping[str, Operation] = {
    "BatchExecuteStatement": batch_execute_statement,
    "BatchGetItem": batch_get_item,
    "BatchWriteItem": batch_write_item,
    "CreateTable": create_table,
    "DeleteItem": delete_item,
    "DeleteTable": delete_table,
    "DescribeTable": describe_table,
    "DescribeTimeToLive": describe_time_to_live,
    "DescribeStream": describe_stream,
    "GetRecords": get_records,
    "GetShardIterator": get_shard_iterator,
    "ListStreams": list_streams,
    "ExecuteStatement": execute_statement,
    "ExecuteTransaction": execute_transaction,
    "GetItem": get_item,
    "ListTables": list_tables,
    "PutItem": put_item,
    "Query": query,
    "Scan": scan,
    "TransactGetItems": transact_get_items,
    "TransactWriteItems": transact_write_items,
    "UpdateItem": update_item,
    "UpdateTable": update_table,
    "UpdateTimeToLive": update_time_to_live,
}
"""Every operation that is answered, by name."""
