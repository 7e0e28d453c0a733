"""What must be found after all kills: everything, once, as if nothing had happened."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from collections import Counter
from collections.abc import Iterable
from hashlib import md5
from pathlib import Path
from typing import Any

from kill_kit import call, insist, items_of, wait_until
from moves_kit import BAD, FILLED, INDEX, LOADED, OUTPUT, SOURCE, Item, Items, Records, by_id, indexed
from moves_run import BACKUP, BULK, FULL, HOT, IMPORT, INCREMENTAL, TARGETS, Clients, Run

_OWN_FILES = ("_started", "manifest-files.checksum", "manifest-files.json", "manifest-summary.checksum")
_PAGE = 1000


def check_all(run: Run, clients: Clients) -> None:
    """Check everything that was begun."""
    check_import(run)
    check_full_export(run)
    check_incremental_export(run)
    for target in TARGETS.values():
        check_table(run, target, run.world.at_moment)
        (table,) = call(run.server, "DescribeTable", TableName=target).values()
        assert (table["TableStatus"], table["RestoreSummary"]["RestoreInProgress"]) == ("ACTIVE", False)
    check_bulk(run, clients)
    check_stream(run, clients)
    check_backup(run)
    check_nothing_left(run)


def check_table(run: Run, name: str, wanted: Items) -> None:
    """Compare a table and its index with what they must hold."""
    assert by_id(items_of(run.server, name, ConsistentRead=True)) == wanted
    assert by_id(items_of(run.server, name, IndexName=INDEX)) == indexed(wanted)


def good(objects: dict[str, Records]) -> Items:
    """Return what unconditional records leave, the last of equal keys counting."""
    return {each["id"]["S"]: each for records in objects.values() for each in records.good}


def check_import(run: Run) -> None:
    """Every record counted once, every item there; the faulty ones make it an import that failed."""
    described = run.described(IMPORT)
    records = run.world.imported.values()
    assert (described["ImportStatus"], described["FailureCode"]) == ("FAILED", "ItemValidationError")
    assert described["ImportedItemCount"] == sum(len(each.good) for each in records)
    assert described["ErrorCount"] == len(BAD) * len(records)
    assert described["ProcessedItemCount"] == described["ImportedItemCount"] + described["ErrorCount"]
    assert described["ProcessedSizeBytes"] == sum(len(line) + 1 for each in records for line in each.lines())
    check_table(run, LOADED, good(run.world.imported))


def exported(run: Run, operation: str, folder: str) -> list[dict[str, Any]]:
    """Return the lines of an export, having checked that manifests and objects fit each other and nothing is stray."""
    described = run.described(operation)
    assert described["ExportStatus"] == "COMPLETED", described
    bucket = run.folder / "buckets" / OUTPUT
    summary_path = bucket / described["ExportManifest"]
    summary = json.loads(summary_path.read_bytes())
    assert (summary["itemCount"], summary["billedSizeBytes"]) == (described["ItemCount"], described["BilledSizeBytes"])
    for name in ("manifest-summary", "manifest-files"):
        body = summary_path.with_name(f"{name}.json").read_bytes()
        assert summary_path.with_name(f"{name}.checksum").read_bytes() == _checksum(body)
    entries = [json.loads(line) for line in (bucket / summary["manifestFilesS3Key"]).read_bytes().splitlines()]
    own = {summary_path, *(summary_path.with_name(name) for name in _OWN_FILES)}
    assert files_under(bucket / folder) == own | {bucket / entry["dataFileS3Key"] for entry in entries}
    found = []
    for entry in entries:
        body = (bucket / entry["dataFileS3Key"]).read_bytes()
        assert entry["md5Checksum"] == _checksum(body).decode()
        lines = [json.loads(line) for line in gzip.decompress(body).splitlines()]
        assert len(lines) == entry["itemCount"]
        found += lines
    assert len(found) == described["ItemCount"]
    return found


def files_under(folder: Path) -> set[Path]:
    """Return every file in a folder, hidden ones too."""
    return {path for path in folder.rglob("*") if path.is_file()}


def _checksum(body: bytes) -> bytes:
    return b64encode(md5(body).digest())


def check_full_export(run: Run) -> None:
    """Every item as it was, once."""
    assert by_id(line["Item"] for line in exported(run, FULL, "full")) == run.world.at_moment


def check_incremental_export(run: Run) -> None:
    """Every item that changed in the period, once, with what it was before and after."""
    before, now = run.world.before, run.world.now
    wanted = {}
    for name in before.keys() | now.keys():
        images = {"OldImage": before.get(name), "NewImage": now.get(name)}
        if images["OldImage"] != images["NewImage"]:
            wanted[name] = {member: image for member, image in images.items() if image is not None}
    found: Counter[str] = Counter()
    for line in exported(run, INCREMENTAL, "incremental"):
        name = line["Keys"]["id"]["S"]
        found[name] += 1
        images = {member: line[member] for member in ("OldImage", "NewImage") if member in line}
        assert images == wanted.get(name, images), name
        assert name in wanted or images["OldImage"] == images["NewImage"], name
    assert max(found.values()) == 1
    assert found.keys() >= wanted.keys()


def bulk_lines(objects: dict[str, Records]) -> int:
    """Return how many records there are."""
    return sum(len(each.lines()) for each in objects.values())


def put(run: Run) -> Items:
    """Return what the bulk put's table holds in the end, apart from what clients wrote into it."""
    guarded = (each for records in run.world.put.values() for each in records.conditional)
    return {**by_id(guarded), **good(run.world.put), **run.world.existing}


def check_bulk(run: Run, clients: Clients) -> None:
    """Every record counted once, every item there, what clients wrote later kept, every failure reported once."""
    described, objects = run.described(BULK), run.world.put
    refused = [each for records in objects.values() for each in records.conditional if is_there(each)]
    errors = len(BAD) * len(objects)
    assert described["BulkOperationStatus"] == "COMPLETED_WITH_ERRORS"
    assert described["ProcessedItemCount"] == bulk_lines(objects)
    assert described["FailedItemCount"] == len(refused) + errors
    assert described["ProcessedInputBytes"] == sum(len(line) + 1 for each in objects.values() for line in each.lines())
    wanted = put(run)
    found = by_id(items_of(run.server, FILLED, ConsistentRead=True))
    owned = {name: each.pop("owner")["S"] for name, each in found.items() if "owner" in each}
    assert found == wanted
    assert owned.items() >= clients.owners.items()
    assert owned.items() <= clients.attempts.items()
    assert len(owned) > 20, "clients wrote hardly anything meanwhile"
    listed = by_id(items_of(run.server, FILLED, IndexName=INDEX))
    assert listed.keys() == indexed(wanted).keys()
    check_reports(run, [each["id"]["S"] for each in refused], errors)


def is_there(item: Item) -> bool:
    """Tell whether an item of the bulk put was there before, so that it is refused."""
    name: str = item["id"]["S"]
    return name.startswith("there-")


def check_reports(run: Run, refused: list[str], errors: int) -> None:
    """Everything that was not put is reported once."""
    folder = run.folder / "buckets" / OUTPUT / "put"
    (manifest_path,) = folder.rglob("manifest-summary.json")
    manifest = json.loads(manifest_path.read_bytes())
    bucket = run.folder / "buckets" / OUTPUT
    reports = {bucket / entry["dataFileS3Key"]: entry for entry in manifest["reports"]}
    assert len(reports) == len(manifest["reports"])
    assert files_under(folder) == {manifest_path, *reports}
    lines = []
    for path, entry in reports.items():
        found = [json.loads(line) for line in path.read_bytes().splitlines()]
        assert len(found) == entry["itemCount"]
        assert md5(path.read_bytes()).hexdigest() == entry["etag"]
        lines += found
    kinds = Counter(line["OutputType"] for line in lines)
    assert kinds == {"ERROR": errors, "CONDITION_CHECK_FAILURE": len(refused)}
    names = [json.loads(line["Record"])["Item"]["id"]["S"] for line in lines if line["OutputType"] != "ERROR"]
    assert Counter(names) - Counter(refused) == Counter(refused) - Counter(names) == Counter()


def records_of(run: Run, arn: str) -> list[dict[str, Any]]:
    """Return all records of a stream."""
    (stream,) = call(run.server, "DescribeStream", "streams", StreamArn=arn).values()
    found: list[dict[str, Any]] = []
    for shard in stream["Shards"]:
        place = {"StreamArn": arn, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
        iterator = call(run.server, "GetShardIterator", "streams", **place).get("ShardIterator")
        while iterator is not None:
            page = call(run.server, "GetRecords", "streams", ShardIterator=iterator, Limit=_PAGE)
            found += page["Records"]
            iterator = page.get("NextShardIterator") if page["Records"] else None
    return found


def check_stream(run: Run, clients: Clients) -> None:
    """Every put is recorded once, and every record begins where the one before it ended."""
    (table,) = call(run.server, "DescribeTable", TableName=FILLED).values()
    seen: Items = {}
    puts: Counter[str] = Counter()
    for record in records_of(run, table["LatestStreamArn"]):
        change = record["dynamodb"]
        name = change["Keys"]["id"]["S"]
        assert change.get("OldImage") == seen.get(name)
        seen[name] = change["NewImage"]
        if "owner" in seen[name]:
            assert seen[name]["owner"]["S"] == clients.attempts[name]
        else:
            puts[name] += 1
    assert seen == by_id(items_of(run.server, FILLED, ConsistentRead=True))
    wanted = Counter(each["id"]["S"] for records in run.world.put.values() for each in records.good)
    wanted.update(each["id"]["S"] for records in run.world.put.values() for each in records.conditional)
    for name in run.world.existing:
        wanted[name] = 1
    assert puts == wanted


def check_backup(run: Run) -> None:
    """The backup that was made meanwhile holds the source as it was at one moment of its making."""
    described = run.described(BACKUP)
    assert described["BackupStatus"] == "AVAILABLE"
    arn, target = run.arns[BACKUP], "as-backed-up-later"
    insist(run.server, "RestoreTableFromBackup", TargetTableName=target, BackupArn=arn)
    wait_until(lambda: not run.store.jobs(), "the last restore", run.server)
    found = by_id(items_of(run.server, target, ConsistentRead=True))
    assert by_id(items_of(run.server, target, IndexName=INDEX)) == indexed(found)
    (full,) = call(run.server, "DescribeBackup", BackupArn=arn).values()
    assert full["SourceTableDetails"]["ItemCount"] == len(found)
    hot = {name: int(each["n"]["N"]) for name, each in found.items() if name.startswith("hot-")}
    assert {name: each for name, each in found.items() if name not in hot} == run.world.now
    check_prefix(hot)
    assert call(run.server, "ListBackups", TableName=SOURCE)["BackupSummaries"][1]["BackupArn"] == arn


def check_prefix(hot: dict[str, int]) -> None:
    """The hot items were put in turn: what is there of them must be what was there after one of the puts."""
    last = max(hot.values(), default=-1)
    wanted = {f"hot-{number % HOT:02}": number for number in range(max(0, last - HOT + 1), last + 1)}
    assert hot == wanted


def check_nothing_left(run: Run) -> None:
    """No job, no log but that of recovery, no space but those of backups, and no lease of a job that is held."""
    spaces = {name for (name,) in run.store.rows("SELECT name FROM tables WHERE namespace = '_system'")}
    backups = run.store.rows("SELECT body FROM documents WHERE kind = 'backup'")
    ids = {json.loads(body)["Id"].replace("-", "") for (body,) in backups}
    assert {name for name in spaces if name[0] in "buw" and name[1:].isalnum()} == {f"b{id_}" for id_ in ids}
    streams = _column(run.store.rows("SELECT DISTINCT stream FROM changes"))
    recovery = _column(run.store.rows("SELECT convert_from(key, 'UTF8') FROM documents WHERE kind = 'recovery'"))
    known = _column(
        run.store.rows("SELECT convert_from(body, 'UTF8')::json ->> 'id' FROM documents WHERE kind = 'stream'")
    )
    assert streams <= recovery | known
    assert not run.store.rows(
        "SELECT name FROM leases WHERE name LIKE 'job/%%' AND expires > clock_timestamp()"
    )  # one that could not be given back, because PostgreSQL was killed then, is removed after a day


def _column(rows: Iterable[tuple[Any, ...]]) -> set[str]:
    return {value for (value,) in rows}
