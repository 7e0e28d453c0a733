"""DescribeImport: how far an import is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extenddb.core.errors import IMPORT_NOT_FOUND, ServiceError
from extenddb.engine.backups import records
from extenddb.engine.backups.records import IMPORTS
from extenddb.engine.context import Caller, Context
from extenddb.engine.imports.request import answered

if TYPE_CHECKING:
    from extenddb.core.model.requests import DescribeImportInput


async def describe_import(context: Context, caller: Caller, request: DescribeImportInput) -> dict[str, Any]:
    """Answer DescribeImport."""
    arn = request["ImportArn"]
    IMPORTS.check(caller, arn)
    missing = ServiceError(IMPORT_NOT_FOUND, f"Import not found: Import not found: {arn}")
    _, body = await records.require(context, caller, IMPORTS, arn, missing)
    return {"ImportTableDescription": answered(body)}
