"""The table of operations: which function answers which name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

from extenddb.engine.context import Caller, Context
from extenddb.engine.ops.batch_execute_statement import batch_execute_statement
from extenddb.engine.ops.batch_get_item import batch_get_item
from extenddb.engine.ops.batch_write_item import batch_write_item
from extenddb.engine.ops.cancel_bulk_operation import cancel_bulk_operation
from extenddb.engine.ops.create_backup import create_backup
from extenddb.engine.ops.create_global_table import create_global_table
from extenddb.engine.ops.create_table import create_table
from extenddb.engine.ops.delete_backup import delete_backup
from extenddb.engine.ops.delete_item import delete_item
from extenddb.engine.ops.delete_resource_policy import delete_resource_policy
from extenddb.engine.ops.delete_table import delete_table
from extenddb.engine.ops.describe_backup import describe_backup
from extenddb.engine.ops.describe_bulk_operation import describe_bulk_operation
from extenddb.engine.ops.describe_continuous_backups import describe_continuous_backups
from extenddb.engine.ops.describe_contributor_insights import describe_contributor_insights
from extenddb.engine.ops.describe_endpoints import describe_endpoints
from extenddb.engine.ops.describe_export import describe_export
from extenddb.engine.ops.describe_global_table import describe_global_table
from extenddb.engine.ops.describe_global_table_settings import describe_global_table_settings
from extenddb.engine.ops.describe_import import describe_import
from extenddb.engine.ops.describe_kinesis_streaming_destination import describe_kinesis_streaming_destination
from extenddb.engine.ops.describe_limits import describe_limits
from extenddb.engine.ops.describe_stream import describe_stream
from extenddb.engine.ops.describe_table import describe_table
from extenddb.engine.ops.describe_table_replica_auto_scaling import describe_table_replica_auto_scaling
from extenddb.engine.ops.describe_time_to_live import describe_time_to_live
from extenddb.engine.ops.disable_kinesis_streaming_destination import disable_kinesis_streaming_destination
from extenddb.engine.ops.enable_kinesis_streaming_destination import enable_kinesis_streaming_destination
from extenddb.engine.ops.execute_statement import execute_statement
from extenddb.engine.ops.execute_transaction import execute_transaction
from extenddb.engine.ops.export_table_to_point_in_time import export_table_to_point_in_time
from extenddb.engine.ops.get_item import get_item
from extenddb.engine.ops.get_records import get_records
from extenddb.engine.ops.get_resource_policy import get_resource_policy
from extenddb.engine.ops.get_shard_iterator import get_shard_iterator
from extenddb.engine.ops.import_table import import_table
from extenddb.engine.ops.list_backups import list_backups
from extenddb.engine.ops.list_bulk_operations import list_bulk_operations
from extenddb.engine.ops.list_contributor_insights import list_contributor_insights
from extenddb.engine.ops.list_exports import list_exports
from extenddb.engine.ops.list_global_tables import list_global_tables
from extenddb.engine.ops.list_imports import list_imports
from extenddb.engine.ops.list_streams import list_streams
from extenddb.engine.ops.list_tables import list_tables
from extenddb.engine.ops.list_tags_of_resource import list_tags_of_resource
from extenddb.engine.ops.put_item import put_item
from extenddb.engine.ops.put_resource_policy import put_resource_policy
from extenddb.engine.ops.query import query
from extenddb.engine.ops.restore_table_from_backup import restore_table_from_backup
from extenddb.engine.ops.restore_table_to_point_in_time import restore_table_to_point_in_time
from extenddb.engine.ops.scan import scan
from extenddb.engine.ops.search_vectors import search_vectors
from extenddb.engine.ops.start_bulk_put_items import start_bulk_put_items
from extenddb.engine.ops.tag_resource import tag_resource
from extenddb.engine.ops.transact_get_items import transact_get_items
from extenddb.engine.ops.transact_write_items import transact_write_items
from extenddb.engine.ops.untag_resource import untag_resource
from extenddb.engine.ops.update_continuous_backups import update_continuous_backups
from extenddb.engine.ops.update_contributor_insights import update_contributor_insights
from extenddb.engine.ops.update_global_table import update_global_table
from extenddb.engine.ops.update_global_table_settings import update_global_table_settings
from extenddb.engine.ops.update_item import update_item
from extenddb.engine.ops.update_kinesis_streaming_destination import update_kinesis_streaming_destination
from extenddb.engine.ops.update_table import update_table
from extenddb.engine.ops.update_table_replica_auto_scaling import update_table_replica_auto_scaling
from extenddb.engine.ops.update_time_to_live import update_time_to_live

Operation: TypeAlias = Callable[[Context, Caller, Any], Awaitable[dict[str, Any]]]
"""Answers a checked request; raises ServiceError or StorageError."""

OPERATIONS: Mapping[str, Operation] = {
    "BatchExecuteStatement": batch_execute_statement,
    "BatchGetItem": batch_get_item,
    "BatchWriteItem": batch_write_item,
    "CancelBulkOperation": cancel_bulk_operation,
    "CreateBackup": create_backup,
    "CreateGlobalTable": create_global_table,
    "CreateTable": create_table,
    "DeleteBackup": delete_backup,
    "DeleteItem": delete_item,
    "DeleteResourcePolicy": delete_resource_policy,
    "DeleteTable": delete_table,
    "DescribeBackup": describe_backup,
    "DescribeBulkOperation": describe_bulk_operation,
    "DescribeContinuousBackups": describe_continuous_backups,
    "DescribeContributorInsights": describe_contributor_insights,
    "DescribeEndpoints": describe_endpoints,
    "DescribeExport": describe_export,
    "DescribeGlobalTable": describe_global_table,
    "DescribeGlobalTableSettings": describe_global_table_settings,
    "DescribeImport": describe_import,
    "DescribeKinesisStreamingDestination": describe_kinesis_streaming_destination,
    "DescribeLimits": describe_limits,
    "DescribeStream": describe_stream,
    "DescribeTable": describe_table,
    "DescribeTableReplicaAutoScaling": describe_table_replica_auto_scaling,
    "DescribeTimeToLive": describe_time_to_live,
    "DisableKinesisStreamingDestination": disable_kinesis_streaming_destination,
    "EnableKinesisStreamingDestination": enable_kinesis_streaming_destination,
    "ExecuteStatement": execute_statement,
    "ExecuteTransaction": execute_transaction,
    "ExportTableToPointInTime": export_table_to_point_in_time,
    "GetItem": get_item,
    "GetRecords": get_records,
    "GetResourcePolicy": get_resource_policy,
    "GetShardIterator": get_shard_iterator,
    "ImportTable": import_table,
    "ListBackups": list_backups,
    "ListBulkOperations": list_bulk_operations,
    "ListContributorInsights": list_contributor_insights,
    "ListExports": list_exports,
    "ListGlobalTables": list_global_tables,
    "ListImports": list_imports,
    "ListStreams": list_streams,
    "ListTables": list_tables,
    "ListTagsOfResource": list_tags_of_resource,
    "PutItem": put_item,
    "PutResourcePolicy": put_resource_policy,
    "Query": query,
    "RestoreTableFromBackup": restore_table_from_backup,
    "RestoreTableToPointInTime": restore_table_to_point_in_time,
    "Scan": scan,
    "SearchVectors": search_vectors,
    "StartBulkPutItems": start_bulk_put_items,
    "TagResource": tag_resource,
    "TransactGetItems": transact_get_items,
    "TransactWriteItems": transact_write_items,
    "UntagResource": untag_resource,
    "UpdateContinuousBackups": update_continuous_backups,
    "UpdateContributorInsights": update_contributor_insights,
    "UpdateGlobalTable": update_global_table,
    "UpdateGlobalTableSettings": update_global_table_settings,
    "UpdateItem": update_item,
    "UpdateKinesisStreamingDestination": update_kinesis_streaming_destination,
    "UpdateTable": update_table,
    "UpdateTableReplicaAutoScaling": update_table_replica_auto_scaling,
    "UpdateTimeToLive": update_time_to_live,
}
"""Every operation that is answered, by name."""

BY_MEMORY: frozenset[str] = frozenset(
    {
        "BatchExecuteStatement",
        "BatchGetItem",
        "BatchWriteItem",
        "DeleteItem",
        "ExecuteStatement",
        "ExecuteTransaction",
        "GetItem",
        "PutItem",
        "Query",
        "Scan",
        "SearchVectors",
        "TransactGetItems",
        "TransactWriteItems",
        "UpdateItem",
    }
)
"""The operations on items, which are answered by the tables a process remembers.

They keep to two promises. All they depend on is a table's `shape`, and they reach it through the store, which refuses
an epoch that is not current. And whoever raises a ServiceError has applied nothing, so that it can be run again. Every
other operation reads the catalog itself.
"""

_READING = ("BatchGet", "Describe", "Get", "List", "Query", "Scan", "Search", "TransactGet")
REPEATABLE = frozenset(
    {
        "BatchExecuteStatement",
        "ExecuteStatement",
        *(name for name in OPERATIONS if name.startswith(_READING)),
    }
)
"""The operations that have applied nothing when a SerializationFailure leaves them, and may be run again: those that
read, and statements, which write at most once and end with that."""
