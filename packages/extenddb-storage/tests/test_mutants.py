"""The kit is tested with broken backends: each must be caught by the test that is named beside it."""

from __future__ import annotations

import asyncio
from builtins import list as listing
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from extenddb.storage import conformance as kit
from extenddb.storage.memory import MemoryBackend, plugin
from extenddb.storage.memory.catalog import MemoryCatalog
from extenddb.storage.memory.documents import MemoryDocuments
from extenddb.storage.memory.items import MemoryItems
from extenddb.storage.memory.streams import MemoryStreams
from extenddb.storage.model import (
    Decision,
    Delete,
    Document,
    Hit,
    Keep,
    Key,
    Mutation,
    NewRow,
    Page,
    PointRead,
    Put,
    RangeRead,
    Records,
    Reject,
    Row,
    Space,
    TableRecord,
    VectorEntry,
    VectorSearch,
)
from extenddb.storage.spi import Backend


def fixed(mutation: Mutation, decision: Decision) -> Mutation:
    """Return a mutation whose decision is taken already."""
    return replace(mutation, decide=lambda old: decision, blind=False)


class KeepsTheName(MemoryCatalog):
    async def alter(self, record: TableRecord, *, expected: int) -> TableRecord:
        old = next(each for each in await self.records(limit=10_000) if each.space.id == record.space.id)
        altered = await super().alter(replace(record, namespace=old.namespace, name=old.name), expected=expected)
        return replace(altered, namespace=record.namespace, name=record.name)


class IgnoresLimit(MemoryItems):
    async def read_range(self, read: RangeRead) -> Page:
        return await super().read_range(replace(read, limit=None))


class TakesAnyLabel(MemoryItems):
    async def search(self, search: VectorSearch) -> list[Hit]:
        hits: dict[Key, Hit] = {}
        for each in [_one(search, label) for label in search.labels] or [search]:
            hits |= {hit.row.key: hit for hit in await super().search(each)}
        return sorted(hits.values(), key=lambda hit: (hit.score, hit.row.key))[: search.limit]


def _one(search: VectorSearch, label: bytes) -> VectorSearch:
    return replace(search, labels=(label,))


class LoadsNoVectors(MemoryItems):
    async def load(self, space: Space, rows: Sequence[NewRow]) -> None:
        def forgetful(row: NewRow) -> NewRow:
            kept = tuple((index, entry) for index, entry in row.entries if not isinstance(entry, VectorEntry))
            return row._replace(entries=kept)

        await super().load(space, [forgetful(row) for row in rows])


class BuildsOverWhatWasThere(MemoryItems):
    """Takes a copy to build from, and puts it in place of what was written meanwhile."""

    async def build(self, space: Space, index: str, *, alone: bool = False) -> bool:
        table = self._state.table(space)
        where = table.vector(index)
        copied = dict(table.vectors[where])
        for _ in range(40):
            await super().build(space, index, alone=alone)
        table.vectors[where] = copied
        return True


class FiltersWhatItChose(MemoryItems):
    async def search(self, search: VectorSearch) -> list[Hit]:
        allowed = {hit.row.key for hit in await super().search(replace(search, limit=100))}
        return [hit for hit in await super().search(replace(search, labels=())) if hit.row.key in allowed]


class TiesAsTheyCome(MemoryItems):
    async def search(self, search: VectorSearch) -> list[Hit]:
        hits = (await super().search(search))[::-1]
        return sorted(hits, key=lambda hit: hit.score)


class StoppedMeansMore(MemoryItems):
    async def read_range(self, read: RangeRead) -> Page:
        page = await super().read_range(read)
        more = await super().read_range(replace(read, limit=(read.limit or 1 << 30) + 1))
        return page._replace(stopped=page.stopped and len(more.rows) > len(page.rows))


class SortsLikeText(MemoryItems):
    async def read_range(self, read: RangeRead) -> Page:
        page = await super().read_range(read)
        return page._replace(rows=sorted(page.rows, key=lambda row: row.key.sort.lower(), reverse=read.reverse))


class ReverseKeepsTies(MemoryItems):
    async def read_range(self, read: RangeRead) -> Page:
        page = await super().read_range(read)
        if read.index is None or not read.reverse:
            return page
        ahead = (await super().read_range(replace(read, reverse=False))).rows
        groups: dict[bytes, list[Row]] = {}
        for row in ahead:
            groups.setdefault(row.item, []).append(row)
        return page._replace(rows=[row for group in reversed(groups.values()) for row in group])


class UpperIncluded(MemoryItems):
    async def read_range(self, read: RangeRead) -> Page:
        return await super().read_range(read if read.upper is None else replace(read, upper=read.upper + b"\x00"))


class OrdersByHeads(MemoryItems):
    """Cuts long sort keys of entries to what its own keys hold, so that rows with one head stand in their own order."""

    async def read_range(self, read: RangeRead) -> Page:
        page = await super().read_range(read)
        if read.index is None or page.stopped:
            return page
        heads = {key: sort[:1500] for (_, sort, *base) in self._sorts(read) for key in [tuple(base)]}
        return page._replace(
            rows=sorted(page.rows, key=lambda row: (heads[tuple(row.key)], row.key), reverse=read.reverse)
        )

    def _sorts(self, read: RangeRead) -> listing[tuple[bytes, ...]]:
        table = self._state.table(read.space)
        return list(table.index(str(read.index)).sizes)


class LocksOnlyWhatExists(MemoryItems):
    async def mutate(self, mutations: Sequence[Mutation]) -> list[Decision]:
        rows = await self.get([PointRead(mutation.space, mutation.key) for mutation in mutations])
        return await super().mutate(
            [
                mutation if row else fixed(mutation, mutation.decide(None))
                for mutation, row in zip(mutations, rows, strict=True)
            ]
        )


class LosesUpdates(MemoryItems):
    async def mutate(self, mutations: Sequence[Mutation]) -> list[Decision]:
        rows = await self.get([PointRead(mutation.space, mutation.key) for mutation in mutations])
        return await super().mutate(
            [fixed(mutation, mutation.decide(row)) for mutation, row in zip(mutations, rows, strict=True)]
        )


class DropsStreamRecords(MemoryItems):
    """Writes the last state of a key once, and forgets the records of the states between."""

    async def mutate(self, mutations: Sequence[Mutation]) -> list[Decision]:
        last = {mutation.key: place for place, mutation in enumerate(mutations)}

        def silent(mutation: Mutation, place: int) -> Mutation:
            def decide(old: Row | None) -> Decision:
                decision = mutation.decide(old)
                if isinstance(decision, (Put, Delete)) and last[mutation.key] != place:
                    return replace(decision, changes=())
                return decision

            return replace(mutation, decide=decide)

        return await super().mutate([silent(mutation, place) for place, mutation in enumerate(mutations)])


class HalfATransaction(MemoryItems):
    async def transact(self, mutations: Sequence[Mutation]) -> list[Decision]:
        return await super().mutate(mutations)


class KeepHoldsNothing(MemoryItems):
    async def transact(self, mutations: Sequence[Mutation]) -> list[Decision]:
        rows = await self.get([PointRead(mutation.space, mutation.key) for mutation in mutations])
        early = [mutation.decide(row) for mutation, row in zip(mutations, rows, strict=True)]
        if any(isinstance(decision, Reject) for decision in early):
            return early
        pairs = [(m, d) for m, d in zip(mutations, early, strict=True) if not isinstance(d, Keep)]
        await super().transact([mutation for mutation, _ in pairs])
        return early


class AppliesBeforeTheException(MemoryItems):
    async def mutate(self, mutations: Sequence[Mutation]) -> list[Decision]:
        return [(await super(AppliesBeforeTheException, self).mutate([mutation]))[0] for mutation in mutations]


class VersionsBeginAgain(MemoryItems):
    async def get(self, reads: Sequence[PointRead]) -> list[Row | None]:
        rows = await super().get(reads)
        return [row and row._replace(version=1 if row.item == b"again" else row.version) for row in rows]


class AcceptsOldEpochs(MemoryItems):
    async def mutate(self, mutations: Sequence[Mutation]) -> list[Decision]:
        tables = self._state.tables
        return await super().mutate(
            [replace(m, space=tables[m.space.id].record.space if m.space.id in tables else m.space) for m in mutations]
        )


class ChecksTheEpochTooEarly(MemoryItems):
    async def mutate(self, mutations: Sequence[Mutation]) -> list[Decision]:
        for mutation in mutations:
            self._state.table(mutation.space)
        for _ in range(9):
            await asyncio.sleep(0)
        current = [replace(m, space=self._state.tables[m.space.id].record.space) for m in mutations]
        return await super().mutate(current)


class LeavesEntries(MemoryItems):
    async def mutate(self, mutations: Sequence[Mutation]) -> list[Decision]:
        def forgetful(mutation: Mutation) -> Mutation:
            def decide(old: Row | None) -> Decision:
                decision = mutation.decide(old)
                if isinstance(decision, Put):
                    kept = tuple(change._replace(old=None) for change in decision.indexes)
                    return replace(decision, indexes=kept)
                return decision

            return replace(mutation, decide=decide)

        return await super().mutate([forgetful(mutation) for mutation in mutations])


class CancelsHalfway(MemoryItems):
    async def mutate(self, mutations: Sequence[Mutation]) -> list[Decision]:
        decisions = await super().mutate(mutations[:1])
        await asyncio.sleep(0)
        return decisions + await super().mutate(mutations[1:])


class LikePrefixes(MemoryDocuments):
    async def list(self, kind: str, *, prefix: str = "", after: str = "", limit: int) -> listing[Document]:
        return await super().list(kind, prefix=prefix.rstrip("%_"), after=after, limit=limit)


class IgnoresBytes(MemoryStreams):
    async def read(self, stream: str, **options: Any) -> Records:
        return await super().read(stream, **{**options, "max_bytes": 1 << 40})


class GivesOneTooMany(MemoryStreams):
    """Stops behind the record that reaches the bound, as pages of items do."""

    async def read(self, stream: str, **options: Any) -> Records:
        found = await super().read(stream, **options)
        after = found.records[-1].sequence if found.records else 0
        if not found.stopped or len(found.records) == options["limit"]:
            return found
        more = await super().read(stream, **{**options, "after": after, "limit": 1, "max_bytes": 1})
        return Records(found.records + more.records, True)


class ForgetsBuckets(MemoryStreams):
    async def read(self, stream: str, **options: Any) -> Records:
        options.pop("buckets", None)
        return await super().read(stream, **options)


class MutantHarness:
    """Memory stores of which one port is replaced."""

    capabilities = plugin.capabilities

    def __init__(self, port: str, mutant: Callable[..., Any]) -> None:
        self._port = port
        self._mutant = mutant

    async def create(self) -> Backend:
        return self._broken(MemoryBackend())

    async def reopen(self, backend: Backend) -> Backend:
        raise AssertionError("memory is not durable")

    async def another(self, backend: Backend) -> Backend:
        assert isinstance(backend, MemoryBackend)
        return self._broken(MemoryBackend(state=backend.state))

    async def destroy(self, backend: Backend) -> None:
        await backend.close()

    def _broken(self, backend: MemoryBackend) -> MemoryBackend:
        setattr(backend, self._port, self._mutant(backend.state, backend._enter))
        return backend


FAILURES = (AssertionError, pytest.fail.Exception)

CASES: list[tuple[Callable[..., Any], type[kit.Suite], str]] = [
    (IgnoresLimit, kit.RangesSuite, "test_a_limit_ends_the_page_and_says_so"),
    (StoppedMeansMore, kit.RangesSuite, "test_a_limit_ends_the_page_and_says_so"),
    (SortsLikeText, kit.RangesSuite, "test_all_bounds_in_both_directions"),
    (UpperIncluded, kit.RangesSuite, "test_all_bounds_in_both_directions"),
    (ReverseKeepsTies, kit.IndexRangesSuite, "test_reverse_is_the_mirror_of_forward"),
    (OrdersByHeads, kit.LongIndexRangesSuite, "test_all_bounds_in_both_directions"),
    (LocksOnlyWhatExists, kit.ConcurrencySuite, "test_an_absent_key_is_created_once"),
    (LosesUpdates, kit.ConcurrencySuite, "test_no_update_is_lost"),
    (LosesUpdates, kit.ItemsSuite, "test_mutations_of_one_key_see_each_other_in_order"),
    (CancelsHalfway, kit.ConcurrencySuite, "test_cancelling_a_mutation_releases_its_locks"),
    (DropsStreamRecords, kit.StreamsSuite, "test_one_keys_records_stand_in_commit_order"),
    (ForgetsBuckets, kit.StreamsSuite, "test_buckets_divide_a_stream"),
    (IgnoresBytes, kit.StreamsSuite, "test_bodies_have_together_at_most_max_bytes"),
    (GivesOneTooMany, kit.StreamsSuite, "test_bodies_have_together_at_most_max_bytes"),
    (HalfATransaction, kit.TransactionsSuite, "test_one_reject_and_nothing_is_applied"),
    (KeepHoldsNothing, kit.TransactionRacesSuite, "test_no_write_skew_through_absent_keys"),
    (KeepHoldsNothing, kit.TransactionRacesSuite, "test_a_kept_row_does_not_change_until_the_commit"),
    (AppliesBeforeTheException, kit.ItemsSuite, "test_an_exception_of_decide_leaves_unchanged_and_nothing_is_applied"),
    (VersionsBeginAgain, kit.ItemsSuite, "test_versions_grow_across_a_delete"),
    (AcceptsOldEpochs, kit.CatalogSuite, "test_an_old_epoch_is_refused_and_writes_nothing"),
    (ChecksTheEpochTooEarly, kit.ConcurrencySuite, "test_no_write_of_an_old_epoch_commits_after_alter"),
    (LeavesEntries, kit.EntriesSuite, "test_entries_move_and_go"),
    (TakesAnyLabel, kit.VectorsSuite, "test_labels_are_all_needed_and_lose_nothing"),
    (LoadsNoVectors, kit.LoadingSuite, "test_vectors_are_loaded_with_their_rows"),
    (BuildsOverWhatWasThere, kit.VectorsSuite, "test_writes_go_on_while_something_is_built"),
    (FiltersWhatItChose, kit.VectorsSuite, "test_a_rare_label_is_found_among_many_rows"),
    (TiesAsTheyCome, kit.VectorsSuite, "test_equal_scores_stand_in_the_order_of_keys"),
    (LikePrefixes, kit.DocumentsSuite, "test_a_prefix_is_taken_literally"),
    (KeepsTheName, kit.CatalogSuite, "test_a_table_gets_another_name"),
]


def port_of(mutant: Callable[..., Any]) -> str:
    ports: dict[Callable[..., Any], str] = {
        LikePrefixes: "documents",
        ForgetsBuckets: "streams",
        IgnoresBytes: "streams",
        GivesOneTooMany: "streams",
        KeepsTheName: "catalog",
    }
    return ports.get(mutant, "items")


@pytest.mark.parametrize(("mutant", "suite", "name"), CASES)
def test_a_broken_backend_is_caught(mutant: Callable[..., Any], suite: type[kit.Suite], name: str) -> None:
    with kit.opened(MutantHarness(port_of(mutant), mutant)) as broken, pytest.raises(FAILURES):
        getattr(suite(), name)(broken)


class QuickSuite(kit.StatefulSuite):
    """The first script that fails is enough, and it is the same in every run."""

    shrink = False
    repeatable = True
    examples = 200


@pytest.mark.parametrize("mutant", [IgnoresLimit, SortsLikeText, UpperIncluded, LeavesEntries, HalfATransaction])
def test_random_scripts_find_broken_backends_too(mutant: Callable[..., Any]) -> None:
    with kit.opened(MutantHarness("items", mutant)) as broken, pytest.raises((AssertionError, KeyError)):
        QuickSuite().test_random_scripts_give_the_answers_of_the_memory_backend(broken)
