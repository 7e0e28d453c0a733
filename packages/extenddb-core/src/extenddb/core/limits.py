"""Every documented number of the service, named, with its source.

Sizes are bytes by DynamoDB's own rule (names count in UTF-8) unless a name says otherwise. "Quotas" is the page
"Quotas in Amazon DynamoDB" of the developer guide; "Naming rules" is "Supported data types and naming rules".
"""

from __future__ import annotations

ITEM_SIZE = 400 * 1024
"""Largest item, names included (Quotas, Items)."""
PAGE_SIZE = 1024 * 1024
"""Bytes of items that end a page of Query or Scan (Query, Pagination)."""
PARTITION_KEY_SIZE = 2048
"""Longest partition key value (Quotas, Partition key length)."""
SORT_KEY_SIZE = 1024
"""Longest sort key value (Quotas, Sort key length)."""
ATTRIBUTE_NAME_SIZE = 65535
"""Longest attribute name, at any depth, in UTF-8 (Naming rules, 64 KB; measured of the service to the byte)."""
NESTING_DEPTH = 32
"""Deepest nesting of lists and maps (Quotas, Nested attribute depth)."""
NUMBER_DIGITS = 38
"""Significant digits of a number (Naming rules, Number)."""
NUMBER_MAX_EXPONENT = 125
"""Largest exponent: 9.99...E+125 (Naming rules, Number)."""
NUMBER_MIN_EXPONENT = -130
"""Smallest exponent: 1E-130 (Naming rules, Number)."""
EXPRESSION_SIZE = 4096
"""Longest expression string, bytes (Quotas, Expression parameters)."""
EXPRESSION_NAME_SIZE = 255
"""Longest placeholder name or value (Quotas, Expression parameters)."""
EXPRESSION_VARIABLES_SIZE = 2 * 1024 * 1024
"""All substitution variables of an expression together (Quotas, Expression parameters)."""
EXPRESSION_OPERATORS = 300
"""Operators and functions in one expression (Quotas, Expression parameters)."""
IN_OPERANDS = 100
"""Operands of IN (Quotas, Expression parameters)."""
TABLE_NAME_MIN = 3
"""Shortest table or index name (Naming rules)."""
TABLE_NAME_MAX = 255
"""Longest table or index name (Naming rules)."""
BATCH_GET_KEYS = 100
"""Keys of one BatchGetItem (Quotas, API-specific limits)."""
BATCH_WRITE_ITEMS = 25
"""Requests of one BatchWriteItem (Quotas, API-specific limits)."""
BATCH_SIZE = 16 * 1024 * 1024
"""Bytes of one batch request or answer (Quotas, API-specific limits)."""
TRANSACTION_SIZE = 4 * 1024 * 1024
"""Bytes of the items of one transaction (Quotas, Transactions)."""
GLOBAL_INDEXES = 20
"""Default number of global secondary indexes of a table (Quotas, Secondary indexes)."""
LOCAL_INDEXES = 5
"""Number of local secondary indexes of a table (Quotas, Secondary indexes)."""
PROJECTED_ATTRIBUTES = 100
"""Non-key attributes projected into all local and global indexes of a table together (Quotas)."""
LIST_TABLES = 100
"""Names in one page of ListTables (API reference, ListTables)."""
READ_UNIT = 4096
"""Bytes of one read capacity unit, strongly consistent (Read/write capacity)."""
WRITE_UNIT = 1024
"""Bytes of one write capacity unit (Read/write capacity)."""
ACCOUNT_CAPACITY = 80_000
"""Default read, and write, capacity units of an account (Quotas, Default throughput quotas)."""
TABLE_CAPACITY = 40_000
"""Default read, and write, capacity units of a table (Quotas, Default throughput quotas)."""
ON_DEMAND_WARM_READS = 12_000
"""Read units a second that a new on-demand table is ready for (Understanding warm throughput)."""
ON_DEMAND_WARM_WRITES = 4_000
"""Write units a second that a new on-demand table is ready for (Understanding warm throughput)."""
VECTOR_INDEXES = 5
"""Number of vector indexes of a table (AWS's published notes on vector search, 2026)."""
VECTOR_DIMENSIONS = 4096
"""Most dimensions of a vector index (same source; the model's limit of SearchVector)."""
INLINE_FILTERS = 18
"""INLINE_FILTER elements of one vector index (same source)."""
TOP_K = 100
"""Most results of one SearchVectors (Troubleshooting vector indexes)."""
