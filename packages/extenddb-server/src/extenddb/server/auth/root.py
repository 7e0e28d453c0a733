"""The root access key of an installation: given, or made once and kept encrypted in the store.

The key that encrypts it never lives in the store: it is a file beside the other local files, or a setting.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import secrets
import string
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from extenddb.server.auth.credentials import AccessKey
from extenddb.server.config import AuthSettings, ConfigError
from extenddb.storage.errors import Conflict
from extenddb.storage.spi import Documents

KIND = "root-access-key"
"""Kind of the document that holds the root access key."""
_KEY_BYTES = 32
_NONCE_BYTES = 12
_FILE = "secret.key"
_ALPHABET = string.ascii_uppercase + "234567"
DEVELOPMENT_ID = "extenddb"
DEVELOPMENT_SECRET = "extenddb"  # noqa: S105  -- shown where every key is accepted; it protects nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class RootKey:
    """The root access key, and whether it was made by this start."""

    key: AccessKey
    fresh: bool = False


def given_or_development(auth: AuthSettings, *, check: bool) -> RootKey | None:
    """Return the key that stands in the settings; without one the development key, unless keys are checked."""
    if auth.access_key_id:
        return RootKey(key=_access_key(auth, auth.access_key_id, auth.secret_access_key))
    if check:
        return None
    return RootKey(key=_access_key(auth, DEVELOPMENT_ID, DEVELOPMENT_SECRET))


def _access_key(auth: AuthSettings, identifier: str, secret: str) -> AccessKey:
    return AccessKey(access_key_id=identifier, secret_access_key=secret, account=auth.account_id)


async def stored(auth: AuthSettings, documents: Documents, master_key: bytes) -> RootKey:
    """Return the key of the store, made now if there is none; several processes agree on one. Raises ConfigError."""
    document = await documents.get(KIND, auth.account_id)
    if document is None:
        made = _access_key(auth, _new_id(), secrets.token_urlsafe(30))
        try:
            await documents.put(KIND, auth.account_id, _seal(made, master_key), expected=0)
        except Conflict:
            document = await documents.get(KIND, auth.account_id)
        else:
            return RootKey(key=made, fresh=True)
    if document is None:
        raise ConfigError("The root access key was removed from the store while the server started; start again.")
    return RootKey(key=_unseal(auth, document.body, master_key))


def _new_id() -> str:
    return "AKIA" + "".join(secrets.choice(_ALPHABET) for _ in range(16))


def _cipher(master_key: bytes) -> Any:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(master_key)


def _seal(key: AccessKey, master_key: bytes) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    bound = f"{key.account}/{key.access_key_id}".encode()
    sealed = _cipher(master_key).encrypt(nonce, key.secret_access_key.encode(), bound)
    return orjson.dumps(
        {"access_key_id": key.access_key_id, "secret": base64.b64encode(nonce + sealed).decode("ascii")}
    )


def _unseal(auth: AuthSettings, body: bytes, master_key: bytes) -> AccessKey:
    from cryptography.exceptions import InvalidTag

    value = orjson.loads(body)
    identifier = str(value["access_key_id"])
    sealed = base64.b64decode(value["secret"])
    bound = f"{auth.account_id}/{identifier}".encode()
    try:
        secret = _cipher(master_key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], bound)
    except InvalidTag:
        raise ConfigError(
            "The root access key in the store was encrypted with another key: give the EXTENDDB_MASTER_KEY or the"
            f" data folder with the {_FILE} it was made with, or give --access-key-id and --secret-access-key."
        ) from None
    return _access_key(auth, identifier, secret.decode())


def master_key(auth: AuthSettings, data_dir: Path | None) -> bytes:
    """Return the key that encrypts stored secrets: the setting, or the file in the data folder, made if absent.

    Without a folder the key is random and ends with the process. Raises ConfigError.
    """
    if auth.master_key:
        return _decoded(auth.master_key, "EXTENDDB_MASTER_KEY")
    if data_dir is None:
        return os.urandom(_KEY_BYTES)
    path = data_dir / _FILE
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            _create(path)
        return _decoded(path.read_text("ascii"), str(path))
    except OSError as error:
        raise ConfigError(f"The key file {path} cannot be used: {error.strerror}.") from None


def _create(path: Path) -> None:
    """Write a new key so that it appears whole or not at all, and only once."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(base64.b64encode(os.urandom(_KEY_BYTES)) + b"\n")
    try:
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()


def _decoded(text: str, where: str) -> bytes:
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != _KEY_BYTES:
        raise ConfigError(f"{where} does not hold {_KEY_BYTES} bytes in Base64.")
    return key
