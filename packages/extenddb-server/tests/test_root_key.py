"""The root access key: made once, shared, encrypted, and of no use without the key that is not in the store."""

from __future__ import annotations

import asyncio
import base64
import stat
from pathlib import Path

import pytest

from extenddb.server.auth.root import KIND, RootKey, given_or_development, master_key, stored
from extenddb.server.config import AuthSettings, ConfigError
from extenddb.storage.memory import MemoryBackend
from extenddb.storage.spi import Documents

AUTH = AuthSettings()
MASTER = bytes(range(32))


def test_processes_that_start_together_agree_on_one_key() -> None:
    async def main() -> list[RootKey]:
        documents = MemoryBackend().documents
        return list(await asyncio.gather(*(stored(AUTH, documents, MASTER) for _ in range(5))))

    found = asyncio.run(main())
    assert len({(root.key.access_key_id, root.key.secret_access_key) for root in found}) == 1
    assert [root.fresh for root in found].count(True) == 1
    assert len(found[0].key.secret_access_key) == 40
    assert len(found[0].key.access_key_id) == 20


def test_the_store_does_not_hold_the_secret() -> None:
    async def main() -> None:
        documents = MemoryBackend().documents
        root = await stored(AUTH, documents, MASTER)
        document = await documents.get(KIND, AUTH.account_id)
        assert document is not None
        assert root.key.secret_access_key.encode() not in document.body
        assert base64.b64encode(root.key.secret_access_key.encode())[:-4] not in document.body
        again = await stored(AUTH, documents, MASTER)
        assert (again.key, again.fresh) == (root.key, False)
        await _refuses(documents, bytes(32), AUTH)

    asyncio.run(main())


async def _refuses(documents: Documents, key: bytes, auth: AuthSettings) -> None:
    with pytest.raises(ConfigError, match="encrypted with another key"):
        await stored(auth, documents, key)


def test_a_stored_key_cannot_be_moved_to_another_account() -> None:
    async def main() -> None:
        documents = MemoryBackend().documents
        await stored(AUTH, documents, MASTER)
        document = await documents.get(KIND, AUTH.account_id)
        assert document is not None
        other = AuthSettings(account_id="111122223333")
        await documents.put(KIND, other.account_id, document.body)
        await _refuses(documents, MASTER, other)

    asyncio.run(main())


def test_the_master_key_is_a_file_for_its_owner(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    first = master_key(AUTH, folder)
    assert len(first) == 32
    assert master_key(AUTH, folder) == first
    assert stat.S_IMODE((folder / "secret.key").stat().st_mode) == 0o600
    assert [each.name for each in folder.iterdir()] == ["secret.key"]


def test_the_master_key_may_be_given() -> None:
    given = AuthSettings(master_key=base64.b64encode(MASTER).decode())
    assert master_key(given, None) == MASTER
    assert master_key(AUTH, None) != master_key(AUTH, None)
    for wrong in ("x", base64.b64encode(b"short").decode()):
        with pytest.raises(ConfigError, match="does not hold 32 bytes"):
            master_key(AuthSettings(master_key=wrong), None)


def test_a_broken_key_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "secret.key").write_text("short")
    with pytest.raises(ConfigError, match="does not hold 32 bytes"):
        master_key(AUTH, tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be used"):
        master_key(AUTH, tmp_path / "file")


def test_given_keys_and_development_keys() -> None:
    assert given_or_development(AUTH, check=True) is None
    development = given_or_development(AUTH, check=False)
    assert development is not None
    assert development.key.access_key_id.isalnum()
    auth = AuthSettings(access_key_id="a", secret_access_key="b")
    for check in (True, False):
        given = given_or_development(auth, check=check)
        assert given is not None
        assert (given.key.access_key_id, given.fresh) == ("a", False)
