"""Random scripts of calls on the backend under test and on the memory backend: both must answer the same.

Versions and sequences are each store's own; everything else is compared. The machine derives index entries from the
item, as the engine does, so that the scripts are legal. A script that fails is printed as steps, shortest first.
"""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, ClassVar, NamedTuple, TypeVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from extenddb.storage.conformance.harness import PLENTY, Kit, Suite
from extenddb.storage.conformance.values import key, partition
from extenddb.storage.memory import MemoryBackend
from extenddb.storage.model import (
    Change,
    Decision,
    Delete,
    Entry,
    IndexChange,
    Keep,
    Key,
    Mutation,
    Page,
    Position,
    Put,
    RangeRead,
    Reject,
    Row,
    ScanRead,
    Space,
    TableRecord,
)
from extenddb.storage.spi import Backend

INDEXES = ("i", "j")
_SORTS = [b"", b"\x00", b"B", b"a", b"a\x00", b"b", b"\xff"]
_ITEMS = [b"", b"pa", b"pb", b"qa", b"qa long", b"q\x00", b"r\xff", b"q~", b"q~a", b"q~\x00", b"r~\xff"]
_TILDE = bytes(range(256)) * 8 + b"\x00" * 5000  # makes sort keys of entries as long as keys of several values
_Result = TypeVar("_Result")


class Step(NamedTuple):
    """One mutation of a script."""

    number: int
    sort: bytes
    act: str
    item: bytes


_steps = st.builds(
    Step,
    st.integers(0, 2),
    st.sampled_from(_SORTS),
    st.sampled_from(["put", "put", "put", "add", "delete", "keep", "reject", "refill"]),
    st.sampled_from(_ITEMS),
)
# Mostly open, so that pages are seldom empty.
_bounds = st.one_of(st.none(), st.none(), st.sampled_from([*_SORTS, b"~", b"~a", b"~a\x00"]))
_places = st.sampled_from([*_SORTS, b"~", b"~a"])
_limits = st.none() | st.integers(1, 5)
_indexes = st.none() | st.sampled_from(INDEXES)


def entry(index: str, item: bytes) -> Entry | None:
    """Return where an item stands in an index: sparse, with many ties, one index with sizes of its own."""
    if len(item) < 2 or (index == "j" and item[:1] == b"p"):
        return None
    where = Key(partition(100 + item[0]), meant(item[1:3] if item[1:2] == b"~" else item[1:2]))
    return Entry(where, None if index == "i" else 3)


def meant(sort: bytes) -> bytes:
    """Return the sort key a script means: what begins with a tilde is very long, and differs only at its end."""
    return _TILDE + sort[1:] if sort[:1] == b"~" else sort


def entries(space: Space, old: bytes | None, new: bytes | None) -> tuple[IndexChange, ...]:
    """Return the index changes that go with a change of the item."""
    changes = []
    for index in space.indexes:
        before = None if old is None else entry(index, old)
        after = None if new is None else entry(index, new)
        if before != after:
            changes.append(IndexChange(index, before, after))
    return tuple(changes)


def mutation(space: Space, stream: str | None, step: Step) -> Mutation:
    """Return the mutation of a step."""

    def change(body: bytes) -> tuple[Change, ...]:
        return () if stream is None else (Change(stream, 1, body),)

    def decide(old: Row | None) -> Decision:
        before = None if old is None else old.item
        if step.act == "reject" or (step.act == "add" and old is not None):
            return Reject(before)
        if step.act == "keep" or (step.act == "delete" and before is None):
            return Keep(answer=before)
        if step.act == "delete":
            return Delete(entries(space, before, None), change(b"gone"), before)
        item = step.item if step.act != "refill" else (before or b"") + step.item
        return Put(item, len(item) + 1, entries(space, before, item), change(item), before)

    return Mutation(space, key(step.number, step.sort), decide)


class Machine(RuleBasedStateMachine):
    """One script; `kit` is set by the subclass that a test makes."""

    kit: ClassVar[Kit]

    def __init__(self) -> None:
        super().__init__()
        self.stores: list[Backend] = [self.kit.backend, MemoryBackend()]
        self.stream = self.kit.unique() if self.kit.harness.capabilities.streams else None
        self.record = self.kit.record("i")
        for store in self.stores:
            self._run(store.catalog.create(self.record))

    @property
    def space(self) -> Space:
        """The space as it is now."""
        return self.record.space

    @initialize(batch=st.lists(_steps, min_size=6, max_size=24))
    def fill(self, batch: list[Step]) -> None:
        """Begin with some rows."""
        self.mutate(batch)

    @rule(batch=st.lists(_steps, min_size=1, max_size=8))
    def mutate(self, batch: list[Step]) -> None:
        """Apply a batch of independent mutations."""
        mutations = [mutation(self.space, self.stream, step) for step in batch]
        real, model = (self._run(store.items.mutate(mutations)) for store in self.stores)
        assert real == model

    @precondition(lambda self: self.kit.harness.capabilities.transactions)
    @rule(batch=st.lists(_steps, min_size=1, max_size=5, unique_by=lambda step: step[:2]))
    def transact(self, batch: list[Step]) -> None:
        """Apply a transaction."""
        mutations = [mutation(self.space, self.stream, step) for step in batch]
        real, model = (self._run(store.items.transact(mutations)) for store in self.stores)
        assert real == model

    @rule(
        number=st.integers(0, 2),
        letter=st.sampled_from(b"pqr"),
        index=_indexes,
        lower=_bounds,
        upper=_bounds,
        reverse=st.booleans(),
        limit=_limits,
        max_bytes=st.sampled_from([1, 7, PLENTY]),
        after=st.none() | st.none() | st.tuples(_places, st.sampled_from(_SORTS), st.integers(0, 2)),
    )
    def read_range(
        self,
        number: int,
        letter: int,
        index: str | None,
        after: tuple[bytes, bytes, int] | None,
        **options: Any,
    ) -> None:
        """Read a range of the table or of an index, perhaps behind a position that may or may not exist."""
        if index is not None and index not in self.space.indexes:
            return
        part = partition(number) if index is None else partition(100 + letter)
        position = None
        if after is not None:
            sort = after[0] if index is None else meant(after[0])
            position = Position(Key(part, sort), None if index is None else key(after[2], after[1]))
        for name in ("lower", "upper"):
            options[name] = None if options[name] is None else meant(options[name])
        read = RangeRead(space=self.space, partition=part, index=index, after=position, **options)
        real, model = (self._run(store.items.read_range(read)) for store in self.stores)
        assert _seen(real) == _seen(model)

    @rule(
        index=_indexes,
        lower=st.sampled_from([b"", b"\x40", partition(1)]),
        upper=st.none() | st.sampled_from([b"\xc0", partition(2)]),
        limit=_limits,
        max_bytes=st.sampled_from([1, 7, PLENTY]),
    )
    def scan(self, index: str | None, **options: Any) -> None:
        """Scan a part of the table or of an index."""
        if index is not None and index not in self.space.indexes:
            return
        read = ScanRead(space=self.space, index=index, **options)
        real, model = (self._run(store.items.scan(read)) for store in self.stores)
        assert _seen(real) == _seen(model)

    @rule(indexes=st.lists(st.sampled_from(INDEXES), unique=True))
    def alter(self, indexes: list[str]) -> None:
        """Change the indexes and fill the new ones, as the engine's backfill does."""
        fresh = set(indexes) - set(self.space.indexes)
        wish = replace(self.record, space=replace(self.space, indexes=tuple(sorted(indexes))))
        real, model = (self._run(self._alter(store, wish)) for store in self.stores)
        assert real == model
        self.record = real
        for store in self.stores:
            self._run(self._backfill(store, fresh))

    def teardown(self) -> None:
        """Compare everything once more, and clean up."""
        for index in (None, *self.space.indexes):
            self.scan(index, max_bytes=PLENTY)
        if self.stream is not None:
            real, model = (self._run(self._told(store)) for store in self.stores)
            assert real == model
        self._run(self.kit.backend.catalog.drop(self.space))

    def _run(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        return self.kit.run(work)

    async def _alter(self, store: Backend, wish: TableRecord) -> TableRecord:
        record = await store.catalog.alter(wish, expected=self.record.version)
        return replace(record, space=replace(record.space, indexes=tuple(sorted(record.space.indexes))))

    async def _backfill(self, store: Backend, fresh: set[str]) -> None:
        space = replace(self.space, indexes=tuple(sorted(fresh)))

        def decide(old: Row | None) -> Decision:
            return Keep() if old is None else Keep(entries(space, None, old.item))

        page = await store.items.scan(ScanRead(space=self.space, max_bytes=PLENTY))
        await store.items.mutate([Mutation(self.space, row.key, decide) for row in page.rows])

    async def _told(self, store: Backend) -> dict[int, list[bytes]]:
        """Return what the stream says about each partition's bucket, in order per key at least."""
        told: dict[int, list[bytes]] = {}
        for record in (await store.streams.read(str(self.stream), limit=100_000, max_bytes=PLENTY)).records:
            told.setdefault(record.bucket, []).append(record.body)
        return {bucket: sorted(bodies) for bucket, bodies in told.items()}


class StatefulSuite(Suite):
    """The backend against the memory backend."""

    examples: ClassVar[int] = 30
    """How many scripts a run tries."""
    shrink: ClassVar[bool] = True
    """Whether a script that fails is made short, which may take minutes."""
    repeatable: ClassVar[bool] = False
    """Whether every run tries the same scripts."""

    def test_random_scripts_give_the_answers_of_the_memory_backend(self, kit: Kit) -> None:
        class Scripted(Machine):
            pass

        Scripted.kit = kit
        run_state_machine_as_test(
            Scripted,
            settings=settings(
                max_examples=self.examples,
                stateful_step_count=25,
                deadline=None,
                database=None,
                derandomize=self.repeatable,
                phases=[Phase.generate, Phase.shrink] if self.shrink else [Phase.generate],
                suppress_health_check=list(HealthCheck),
            ),
        )


def _seen(page: Page) -> tuple[list[tuple[Key, bytes, int]], bool]:
    return [(row.key, row.item, row.size) for row in page.rows], page.stopped
