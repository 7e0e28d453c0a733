"""Settings: one typed tree, filled from flags, environment, a TOML file and defaults, in this order.

The fields of the dataclasses below are the table of all settings: flags, names of environment variables, keys of the
file, and the documentation come from it. A value that cannot be understood is a `ConfigError` of one sentence.
"""

from __future__ import annotations

import dataclasses
import difflib
import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, get_type_hints

Source = Literal["flag", "environment", "file", "default"]
HIDDEN: Final = "********"
_PREFIX: Final = "EXTENDDB_"
_DEFAULT_FILE: Final = "extenddb.toml"
_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_FALSE: Final = frozenset({"0", "false", "no", "off", ""})
_FOREIGN: Final = ("EXTENDDB_TEST_", "EXTENDDB_PORT_", "EXTENDDB_SERVICE_", "EXTENDDB_SERVER_")
"""Variables that are not ours: those of test suites, and those Kubernetes makes for services named like us."""


class ConfigError(Exception):
    """A setting cannot be used; the text is one sentence for the operator."""


def setting(
    default: Any,
    help_text: str,
    *,
    env: str | None = None,
    choices: Sequence[str] = (),
    secret: bool = False,
    low: float | None = None,
    high: float | None = None,
) -> Any:
    """Declare one setting: its default, what it means, and which values it may have."""
    about = {"help": help_text, "env": env, "choices": tuple(choices), "secret": secret, "low": low, "high": high}
    if isinstance(default, dict):
        return field(default_factory=dict, metadata=about)
    return field(default=default, metadata=about)


@dataclass(frozen=True, kw_only=True)
class HttpSettings:
    """Where and how requests are answered."""

    host: str = setting("127.0.0.1", "Address to listen on; 0.0.0.0 for all of IPv4, :: for all.")
    port: int = setting(8000, "Port to listen on; 0 takes a free one.", low=0, high=65535)
    cors: str = setting(
        "auto",
        "Origins of browser applications that may read answers: *, a list with commas, off; auto is * with auth off.",
    )
    metrics_open: bool = setting(False, "Show /metrics to other hosts too.")
    access_log: bool = setting(False, "Log a line for every request.")
    drain_seconds: float = setting(10.0, "Longest wait for requests in flight at a stop.", low=0)
    max_connections: int = setting(
        0, "Most connections of one worker; 0 is what the limit of descriptors allows, at most 10000.", low=0
    )
    body_megabytes: int = setting(256, "Memory of one worker for request bodies over 64 kB.", low=1, high=1_000_000)
    stall_seconds: float = setting(
        20.0, "Longest time for a first request, a head, and for a body or an answer to get on.", low=0.1
    )
    idle_seconds: float = setting(
        3630.0, "Longest rest of a connection between requests once one was authenticated.", low=1
    )


@dataclass(frozen=True, kw_only=True)
class TlsSettings:
    """Encryption of the connection to clients."""

    enabled: bool = setting(False, "Make a certificate authority and a certificate in the data folder.", env="TLS")
    cert: str = setting("", "Own certificate chain, PEM.", env="TLS_CERT")
    key: str = setting("", "Private key of the own certificate, PEM.", env="TLS_KEY")


@dataclass(frozen=True, kw_only=True)
class StoreSettings:
    """Where the data is."""

    backend: str = setting("postgres", "Name of the storage backend.")
    postgres_url: str = setting(
        "", "URL of a PostgreSQL database; without one an embedded PostgreSQL runs.", secret=True
    )
    data_dir: str = setting(".extenddb", "Folder of the embedded database, certificates and the secret key.")
    memory: bool = setting(False, "Keep nothing after the end.")
    options: dict[str, str] = setting(  # noqa: RUF009  -- a field with a factory
        {}, "Further settings of the backend, name=value.", env="BACKEND_OPTIONS"
    )


@dataclass(frozen=True, kw_only=True)
class BucketSettings:
    """Where exports are written and imports are read."""

    root: str = setting(
        "", "Folder whose folders are the buckets; without one it is buckets in the data folder.", env="BUCKETS_ROOT"
    )
    s3: str = setting(
        "",
        "URL of an S3 service that has the buckets instead, or aws for Amazon's; credentials as botocore finds them.",
        env="S3",
    )


@dataclass(frozen=True, kw_only=True)
class AuthSettings:
    """Who may call."""

    mode: str = setting(
        "auto",
        "off accepts any key, sigv4 checks signatures; auto is off on an embedded store and sigv4 otherwise.",
        env="AUTH",
        choices=("auto", "off", "sigv4"),
    )
    access_key_id: str = setting("", "Root access key; without one it is made at the first start.")
    secret_access_key: str = setting("", "Secret of the root access key.", secret=True)
    account_id: str = setting("000000000000", "Account of the root access key, twelve digits.")
    master_key: str = setting(
        "",
        "Key that encrypts stored secrets, 32 bytes in Base64; otherwise secret.key in the data folder.",
        secret=True,
    )


@dataclass(frozen=True, kw_only=True)
class ProcessSettings:
    """How the program runs."""

    workers: int = setting(0, "Worker processes; 0 is one per core, or one on the backend memory.", low=0, high=1024)
    ready_file: str = setting("", "File to write the endpoint and keys to once requests are answered.")
    stop_with_stdin: bool = setting(False, "Stop when the standard input ends, as it does when a parent dies.")
    log_level: str = setting("info", "Least severe lines logged.", choices=("debug", "info", "warning", "error"))
    log_format: str = setting("text", "Form of the log.", choices=("text", "json"))


@dataclass(frozen=True, kw_only=True)
class ServiceSettings:
    """What the service says of itself and how it behaves."""

    region: str = setting("us-east-1", "Region in ARNs.")
    partition_by_region: bool = setting(False, "Keep tables of different regions apart.")
    ttl_seconds: float = setting(10.0, "Pause between two sweeps of expired items.", low=0.01)
    gather: bool = setting(True, "Send concurrent requests to the store in sets.")
    settle_seconds: float = setting(
        1.0, "Longest wait of an answer for background work it started, so that small work is done then.", low=0
    )
    lease_seconds: float = setting(
        10.0, "How long background work of a process that died rests before another goes on with it.", low=0.5
    )
    strict_waits: bool = setting(
        False, "Refuse changes that come too early for the service: of throughput, time to live, and indexes."
    )
    delay_seconds: float = setting(0.0, "With strict waits: how long CREATING, UPDATING and DELETING are shown.", low=0)
    stream_lanes: int = setting(1, "Open shards of a new stream, each with its share of the keys.", low=1, high=1024)
    shard_seconds: float = setting(14400.0, "Age at which a shard is closed and followed by a child.", low=0.1)
    retention_seconds: float = setting(86400.0, "How long the records of a stream are kept.", low=0.1)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The whole tree."""

    http: HttpSettings = field(default_factory=HttpSettings)
    tls: TlsSettings = field(default_factory=TlsSettings)
    store: StoreSettings = field(default_factory=StoreSettings)
    buckets: BucketSettings = field(default_factory=BucketSettings)
    auth: AuthSettings = field(default_factory=AuthSettings)
    process: ProcessSettings = field(default_factory=ProcessSettings)
    service: ServiceSettings = field(default_factory=ServiceSettings)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One setting as the table knows it."""

    section: str
    name: str
    type: type
    default: Any
    help: str
    env: str
    choices: tuple[str, ...]
    secret: bool
    low: float | None
    high: float | None

    @property
    def key(self) -> str:
        """Return section and name, as in the file."""
        return f"{self.section}.{self.name}"

    @property
    def flag(self) -> str:
        """Return the name of the flag, which is that of the variable."""
        return "--backend-option" if self.type is dict else "--" + self.env[len(_PREFIX) :].lower().replace("_", "-")


def _entries() -> Iterator[Entry]:
    sections = get_type_hints(Settings)
    for section, kind in sections.items():
        hints = get_type_hints(kind)
        for each in dataclasses.fields(kind):
            about = dict(each.metadata)
            env = about.pop("env") or each.name.upper()
            hint = hints[each.name]
            yield Entry(
                section=section,
                name=each.name,
                type=hint if isinstance(hint, type) and hint is not dict[str, str] else dict,
                default={} if each.default is dataclasses.MISSING else each.default,
                env=_PREFIX + env,
                **about,
            )


ENTRIES: Final[tuple[Entry, ...]] = tuple(_entries())
"""Every setting."""
_BY_KEY: Final = {entry.key: entry for entry in ENTRIES}
_BY_ENV: Final = {entry.env: entry for entry in ENTRIES}


def _hint(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _number(entry: Entry, value: Any, where: str) -> float:
    number: float | None
    try:
        convert = int if entry.type is int else float
        number = None if isinstance(value, bool) else convert(value)
    except (TypeError, ValueError):
        number = None
    if number is None or (isinstance(value, float) and number != value):
        raise ConfigError(f"{where}: {value!r} is not a number.")
    if not (entry.low is None or number >= entry.low) or not (entry.high is None or number <= entry.high):
        raise ConfigError(f"{where}: {value} is outside {_range(entry)}.")
    return number


def _range(entry: Entry) -> str:
    low = "-" if entry.low is None else f"{entry.low:g}"
    return f"{low} to {entry.high:g}" if entry.high is not None else f"{low} and above"


def _boolean(value: Any, where: str) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word not in _TRUE | _FALSE:
        raise ConfigError(f"{where}: {value!r} is neither true nor false.")
    return word in _TRUE


def _options(value: Any, where: str) -> dict[str, str]:
    if isinstance(value, Mapping):
        return {str(name): str(each) for name, each in value.items()}
    parts = value.split(",") if isinstance(value, str) else list(value)
    options = {}
    for part in filter(None, parts):
        name, equals, each = str(part).partition("=")
        if not equals or not name.strip():
            raise ConfigError(f"{where}: {part!r} is not of the form name=value.")
        options[name.strip()] = each.strip()
    return options


def _typed(entry: Entry, value: Any, where: str) -> Any:
    if entry.type is bool:
        return _boolean(value, where)
    if entry.type is dict:
        return _options(value, where)
    if entry.type in (int, float):
        return _number(entry, value, where)
    if not isinstance(value, str):
        raise ConfigError(f"{where}: {value!r} is not a text.")
    if entry.choices and value not in entry.choices:
        raise ConfigError(f"{where}: {value!r} is none of {', '.join(entry.choices)}.")
    return value


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in environ.items():
        if not name.startswith(_PREFIX) or name.startswith(_FOREIGN) or name == "EXTENDDB_CONFIG":
            continue
        entry = _BY_ENV.get(name)
        if entry is None:
            raise ConfigError(f"Unknown environment variable {name}{_hint(name, list(_BY_ENV))}")
        if name == "EXTENDDB_PORT" and value.startswith("tcp://"):
            continue  # Kubernetes describes a service called extenddb in this variable.
        found[entry.key] = _typed(entry, value, name)
    return found


def _from_file(path: Path) -> dict[str, Any]:
    try:
        tree = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"The configuration file {path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"The configuration file {path} is not valid TOML: {error}.") from None
    found: dict[str, Any] = {}
    for section, values in tree.items():
        if not isinstance(values, dict):
            raise ConfigError(f"{path}: {section} stands outside a section.")
        for name, value in values.items():
            key = f"{section}.{name}"
            entry = _BY_KEY.get(key)
            if entry is None:
                raise ConfigError(f"{path}: unknown setting {key}{_hint(key, list(_BY_KEY))}")
            found[key] = _typed(entry, value, f"{path}: {key}")
    return found


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """The effective settings, and where each came from."""

    settings: Settings
    sources: Mapping[str, Source]
    file: Path | None = None

    def shown(self) -> list[tuple[Entry, Any, Source]]:
        """Return every setting with its value, secrets hidden, and its source."""
        lines = []
        for entry in ENTRIES:
            value = getattr(getattr(self.settings, entry.section), entry.name)
            lines.append((entry, _hidden(entry, value), self.sources[entry.key]))
        return lines


def _hidden(entry: Entry, value: Any) -> Any:
    if entry.type is dict:
        return dict.fromkeys(value, HIDDEN)
    return HIDDEN if entry.secret and value else value


def load(flags: Mapping[str, Any], *, environ: Mapping[str, str] | None = None, file: str | None = None) -> Loaded:
    """Return the effective settings.

    `flags` holds values by key; None means not given. Raises ConfigError.
    """
    environ = os.environ if environ is None else environ
    path = _file(file, environ)
    layers: list[tuple[Source, Mapping[str, Any]]] = [
        ("file", _from_file(path) if path else {}),
        ("environment", _from_environment(environ)),
        ("flag", _from_flags(flags)),
    ]
    values: dict[str, Any] = {entry.key: entry.default for entry in ENTRIES}
    sources: dict[str, Source] = dict.fromkeys(values, "default")
    for source, layer in layers:
        values.update(layer)
        sources.update(dict.fromkeys(layer, source))
    settings = _tree(values)
    _check(settings)
    return Loaded(settings=settings, sources=sources, file=path)


def _from_flags(flags: Mapping[str, Any]) -> dict[str, Any]:
    given = {key: value for key, value in flags.items() if value is not None and value != ()}
    return {key: _typed(_BY_KEY[key], value, _BY_KEY[key].flag) for key, value in given.items()}


def _file(named: str | None, environ: Mapping[str, str]) -> Path | None:
    explicit = named or environ.get("EXTENDDB_CONFIG")
    if explicit:
        return Path(explicit)
    default = Path(_DEFAULT_FILE)
    return default if default.is_file() else None


def _tree(values: Mapping[str, Any]) -> Settings:
    sections = {}
    for section, kind in get_type_hints(Settings).items():
        fields = {each.name: values[f"{section}.{each.name}"] for each in dataclasses.fields(kind)}
        sections[section] = kind(**fields)
    return Settings(**sections)


def _check(settings: Settings) -> None:
    """Refuse settings that contradict each other."""
    tls, auth, store = settings.tls, settings.auth, settings.store
    if bool(tls.cert) != bool(tls.key):
        raise ConfigError("A certificate needs its key: give both --tls-cert and --tls-key.")
    if bool(auth.access_key_id) != bool(auth.secret_access_key):
        raise ConfigError("An access key needs its secret: give both --access-key-id and --secret-access-key.")
    if not (len(auth.account_id) == 12 and auth.account_id.isascii() and auth.account_id.isdecimal()):
        raise ConfigError(f"--account-id: {auth.account_id!r} is not twelve digits.")
    if store.memory and store.postgres_url:
        raise ConfigError("--memory keeps nothing, --postgres-url keeps everything: give one of them.")


def to_json(settings: Settings) -> dict[str, Any]:
    """Return the tree as plain values, for a worker process."""
    return dataclasses.asdict(settings)


def from_json(tree: Mapping[str, Any]) -> Settings:
    """Return the tree from plain values made by `to_json`."""
    kinds = get_type_hints(Settings)
    return Settings(**{section: kinds[section](**values) for section, values in tree.items()})


def auth_mode(settings: Settings) -> str:
    """Return `off` or `sigv4`; a store that others may reach is not left open by default."""
    if settings.auth.mode != "auto":
        return settings.auth.mode
    return "sigv4" if settings.store.postgres_url else "off"


def cors_origins(settings: Settings) -> str:
    """Return the origins allowed, empty for none."""
    cors = settings.http.cors
    if cors == "auto":
        return "*" if auth_mode(settings) == "off" else ""
    return "" if cors == "off" else cors


def worker_count(settings: Settings) -> int:
    """Return how many processes answer requests."""
    if settings.store.backend == "memory":
        return 1
    return settings.process.workers or _cores()


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0)) or 1
    return os.cpu_count() or 1


def data_folder(settings: Settings) -> Path:
    """Return the folder of local files."""
    return Path(settings.store.data_dir).expanduser()


def bucket_folder(settings: Settings) -> Path:
    """Return the folder whose folders are the buckets."""
    root = settings.buckets.root
    return Path(root).expanduser() if root else data_folder(settings) / "buckets"


def backend_settings(settings: Settings) -> dict[str, str]:
    """Return what the backend is opened with; it alone knows what its options mean."""
    store = settings.store
    given = {
        "url": store.postgres_url,
        "data_dir": str(data_folder(settings)) if store.data_dir else "",
        "memory": "true" if store.memory else "",
    }
    return {name: value for name, value in given.items() if value} | store.options
