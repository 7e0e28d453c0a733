"""SIGKILL while tables with point-in-time recovery are deleted: each is there as it was, or is a backup, never both."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from kill_kit import Refused, Store, call, insist, items_of, kill_server, wait_until

from extenddb.server.testing import Server, start

pytestmark = [pytest.mark.kill, pytest.mark.postgres, pytest.mark.slow, pytest.mark.xdist_group("kill")]

TABLES = 40
ITEMS = 25
CLIENTS = 2
BEFORE = 8  # deletions that are acknowledged before the kill


def name_of(number: int) -> str:
    return f"table-{number:02}"


def items(number: int) -> list[dict[str, dict[str, str]]]:
    """Return what a table holds."""
    return [{"id": {"S": f"{number}-{each}"}, "n": {"N": str(each)}} for each in range(ITEMS)]


def create(server: Server, number: int) -> None:
    """Create a table with recovery and fill it."""
    name = name_of(number)
    call(
        server,
        "CreateTable",
        TableName=name,
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    recovery = {"PointInTimeRecoveryEnabled": True}
    call(server, "UpdateContinuousBackups", TableName=name, PointInTimeRecoverySpecification=recovery)
    call(server, "BatchWriteItem", RequestItems={name: [{"PutRequest": {"Item": each}} for each in items(number)]})


def delete(server: Server, first: int, deleted: list[int]) -> None:
    """Delete every so many-th table until the server is gone, and note what was acknowledged."""
    for number in range(first, TABLES, CLIENTS):
        try:
            call(server, "DeleteTable", TableName=name_of(number))
        except Refused:
            return
        deleted.append(number)


def test_a_table_is_there_or_is_a_backup(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"data_dir": tmp_path / "data", "workers": 2, "lease_seconds": 1.0}
    deleted: list[int] = []
    with start(**settings) as server:
        for number in range(TABLES):
            create(server, number)
        clients = [threading.Thread(target=delete, args=(server, first, deleted)) for first in range(CLIENTS)]
        for client in clients:
            client.start()
        wait_until(lambda: len(deleted) >= BEFORE, "some deletions", server)
        kill_server(server)
        for client in clients:
            client.join()
    assert len(deleted) < TABLES - CLIENTS, "the kill came too late"
    with start(**settings) as server:
        tables = set(call(server, "ListTables")["TableNames"])
        gone = {name_of(number) for number in range(TABLES)} - tables
        # One whose backup was not on record yet is put there by background work.
        wait_until(lambda: set(backups(server)) == gone, lambda: f"backups of {gone}: {backups(server)}", server)
        assert {name_of(number) for number in deleted} <= gone
        for number in range(TABLES):
            name = name_of(number)
            if name in gone:
                insist(server, "RestoreTableFromBackup", TargetTableName=name, BackupArn=backups(server)[name])
        store = Store(server)
        wait_until(lambda: not store.jobs(), "the restores", server)
        store.close()
        for number in range(TABLES):
            found = items_of(server, name_of(number), ConsistentRead=True)
            assert sorted(found, key=lambda each: int(each["n"]["N"])) == items(number)


def backups(server: Server) -> dict[str, str]:
    """Return the ARNs of the backups of deleted tables by the table's name; there is one of each at most."""
    found = call(server, "ListBackups", BackupType="SYSTEM")["BackupSummaries"]
    arns = {each["TableName"]: each["BackupArn"] for each in found}
    assert len(arns) == len(found)
    return arns
