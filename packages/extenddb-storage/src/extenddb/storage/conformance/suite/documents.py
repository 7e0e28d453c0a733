"""Small versioned documents."""

from __future__ import annotations

import pytest

from extenddb.storage.conformance.harness import Kit, Suite, scenario
from extenddb.storage.errors import Conflict
from extenddb.storage.model import Document


class DocumentsSuite(Suite):
    """`Documents`."""

    @scenario
    async def test_a_document_comes_back_byte_for_byte(self, kit: Kit) -> None:
        kind, body = kit.unique(), bytes(range(256)) * 100
        assert await kit.backend.documents.get(kind, "k") is None
        assert await kit.backend.documents.put(kind, "k", body) == 1
        assert await kit.backend.documents.get(kind, "k") == Document(key="k", body=body, version=1)
        assert await kit.backend.documents.get(kit.unique(), "k") is None

    @scenario
    async def test_versions_count_the_changes(self, kit: Kit) -> None:
        kind = kit.unique()
        assert [await kit.backend.documents.put(kind, "k", b"%d" % n) for n in range(3)] == [1, 2, 3]
        await kit.backend.documents.delete(kind, "k")
        assert await kit.backend.documents.put(kind, "k", b"new") == 1

    @scenario
    async def test_expected_versions_guard_put(self, kit: Kit) -> None:
        kind, put = kit.unique(), kit.backend.documents.put
        assert await put(kind, "k", b"a", expected=0) == 1
        assert await put(kind, "k", b"b", expected=1) == 2
        for wrong in (0, 1, 3):
            with pytest.raises(Conflict):
                await put(kind, "k", b"c", expected=wrong)
        with pytest.raises(Conflict):
            await put(kind, "absent", b"c", expected=1)
        assert await kit.backend.documents.get(kind, "k") == Document(key="k", body=b"b", version=2)
        assert await kit.backend.documents.get(kind, "absent") is None

    @scenario
    async def test_expected_versions_guard_delete(self, kit: Kit) -> None:
        kind, documents = kit.unique(), kit.backend.documents
        await documents.delete(kind, "k")
        await documents.delete(kind, "k", expected=0)
        with pytest.raises(Conflict):
            await documents.delete(kind, "k", expected=1)
        await documents.put(kind, "k", b"a")
        for wrong in (0, 2):
            with pytest.raises(Conflict):
                await documents.delete(kind, "k", expected=wrong)
        assert await documents.get(kind, "k") is not None
        await documents.delete(kind, "k", expected=1)
        assert await documents.get(kind, "k") is None

    @scenario
    async def test_lists_are_in_byte_order_page_by_page(self, kit: Kit) -> None:
        kind, documents = kit.unique(), kit.backend.documents
        keys = ["b", "a/2", "a/10", "A", "a_", "a%", "ä", "\U0001f600", "\uff5e", "z", "a/", "a"]
        for key in keys:
            await documents.put(kind, key, key.encode())
        await documents.put(kit.unique(), "a/other", b"")
        want = sorted(keys, key=str.encode)
        assert [(d.key, d.body) for d in await documents.list(kind, limit=99)] == [(k, k.encode()) for k in want]
        got: list[str] = []
        while page := await documents.list(kind, after=got[-1] if got else "", limit=5):
            assert len(page) <= 5
            got += [document.key for document in page]
        assert got == want

    @scenario
    async def test_a_prefix_is_taken_literally(self, kit: Kit) -> None:
        kind, documents = kit.unique(), kit.backend.documents
        keys = ["a/1", "a/2", "a/3", "a%b", "a_b", "axb", "A/1", "a", "b\\", "b\\c"]
        for key in keys:
            await documents.put(kind, key, b"")
        for prefix in ("a/", "a", "a_", "a%", "%", "_", "b\\", "nothing"):
            want = sorted(key for key in keys if key.startswith(prefix))
            assert [document.key for document in await documents.list(kind, prefix=prefix, limit=99)] == want, prefix
        found = await documents.list(kind, prefix="a/", after="a/1", limit=1)
        assert [document.key for document in found] == ["a/2"]
