"""What a started server says about itself: lines to paste, and the file that other programs wait for."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from extenddb.server.auth.root import RootKey
from extenddb.server.config import ConfigError, Settings, auth_mode, data_folder
from extenddb.server.plan import Plan

_ELSEWHERE = "<your secret access key>"


def where(settings: Settings) -> str:
    """Return in words where the data is."""
    store = settings.store
    if store.memory or store.backend == "memory":
        return "in memory, gone at the end"
    if store.postgres_url:
        return "PostgreSQL at " + _without_secret(store.postgres_url)
    if store.backend == "postgres":
        return f"embedded PostgreSQL in {data_folder(settings).resolve()}"
    return f"backend {store.backend}"


def _without_secret(url: str) -> str:
    """Return host and database of a URL; everything else may hold a secret."""
    if "://" not in url:
        return "the given address"
    rest = url.partition("://")[2].partition("?")[0]
    return rest.rpartition("@")[2]


def lines(plan: Plan, root: RootKey) -> Iterator[str]:
    """Return what the operator reads at the start."""
    settings = plan.settings
    open_door = auth_mode(settings) == "off"
    shown = open_door or root.fresh
    key, secret = plan.key.access_key_id, plan.key.secret_access_key if shown else _ELSEWHERE
    region = settings.service.region
    yield f"ExtendDB answers on {plan.endpoint}"
    yield f"  data    {where(settings)}"
    yield f"  auth    {'off: any key accepted' if open_door else 'sigv4: requests must be signed with a known key'}"
    if root.fresh:
        yield f"  key     {key} was made now; its secret is shown this once"
    if plan.authority:
        yield f"  trust   {plan.authority}  (see: extenddb-server certs)"
    yield ""
    yield "AWS CLI"
    yield (
        f"  AWS_ACCESS_KEY_ID={key} AWS_SECRET_ACCESS_KEY={secret} "
        f"aws dynamodb list-tables --region {region} --endpoint-url {plan.endpoint}"
    )
    yield "Python (boto3)"
    yield (
        f'  boto3.client("dynamodb", endpoint_url="{plan.endpoint}", region_name="{region}", '
        f'aws_access_key_id="{key}", aws_secret_access_key="{secret}")'
    )
    yield "JavaScript (AWS SDK v3)"
    yield (
        f'  new DynamoDBClient({{ endpoint: "{plan.endpoint}", region: "{region}", '
        f'credentials: {{ accessKeyId: "{key}", secretAccessKey: "{secret}" }} }})'
    )


def ready_object(plan: Plan) -> dict[str, Any]:
    """Return what the ready file holds."""
    found = {
        "endpoint": plan.endpoint,
        "region": plan.settings.service.region,
        "access_key_id": plan.key.access_key_id,
        "secret_access_key": plan.key.secret_access_key,
        "account_id": plan.key.account,
        "pid": os.getpid(),
    }
    return found | ({"ca_bundle": plan.authority} if plan.authority else {})


@contextlib.contextmanager
def ready_file(plan: Plan) -> Iterator[None]:
    """Keep the ready file, if one is asked for, as long as the context lasts. Raises ConfigError."""
    name = plan.settings.process.ready_file
    if not name:
        yield
        return
    path = Path(name)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w") as file:
            json.dump(ready_object(plan), file)
        draft.replace(path)
    except OSError as error:
        raise ConfigError(f"The ready file {path} cannot be written: {error.strerror}.") from None
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
