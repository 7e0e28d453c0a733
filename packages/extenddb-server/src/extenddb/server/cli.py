"""The program `extenddb-server`: commands and flags. Alone it serves.

Flags come from the table of settings; an error an operator can mend is one sentence on the standard error.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version as distribution_version
from pathlib import Path
from typing import Any, NoReturn

import click

from extenddb.server import config
from extenddb.server.config import ENTRIES, ConfigError, Entry, Loaded
from extenddb.storage.errors import StorageError
from extenddb.storage.registry import RegistryError

USAGE = 2
"""Exit code of settings that cannot be used."""
FAILED = 1
"""Exit code of a server that could not start, or does not answer."""

_MOVING = ("copy", "export", "import", "sync")
"""Commands of extenddb.server.data."""
_LOCAL_FLAGS = {"-port": "--port", "-dbPath": "--data-dir", "-cors": "--cors"}
_LOCAL_SWITCHES = {
    "-inMemory": ("--memory",),
    "-delayTransientStatuses": ("--strict-waits", "--delay-seconds", "3"),
}
_LOCAL_IGNORED = frozenset({"-sharedDb", "-disableTelemetry", "-optimizeDbBeforeStartup"})
"""Switches of DynamoDB Local: one database is always shared, nothing is sent anywhere."""


def _option(entry: Entry) -> Callable[[Any], Any]:
    name = entry.key.replace(".", "__")
    default = "" if entry.default in ("", {}) else f"  [default: {_shown(entry.default)}]"
    text = f"{entry.help}{default}  [env: {entry.env}]"
    if entry.type is bool:
        flag = entry.flag.removeprefix("--")
        return click.option(f"--{flag}/--no-{flag}", name, default=None, help=text)
    if entry.type is dict:
        return click.option(entry.flag, name, multiple=True, metavar="NAME=VALUE", help=text)
    metavar = "|".join(entry.choices) or {int: "N", float: "SECONDS"}.get(entry.type, "TEXT")
    return click.option(entry.flag, name, default=None, metavar=metavar, help=text)


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def settings_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the flags of all settings, and --config."""
    for entry in reversed(ENTRIES):
        command = _option(entry)(command)
    text = "TOML file of settings; extenddb.toml in this folder is read without being named.  [env: EXTENDDB_CONFIG]"
    return click.option("--config", "config_file", metavar="PATH", help=text)(command)


def _load(config_file: str | None, flags: dict[str, Any]) -> Loaded:
    try:
        return config.load({name.replace("__", "."): value for name, value in flags.items()}, file=config_file)
    except ConfigError as error:
        _fail(str(error), USAGE)


def _fail(sentence: str, code: int) -> NoReturn:
    click.echo(f"extenddb-server: {sentence}", err=True)
    sys.exit(code)


class _Program(click.Group):
    """The commands; those that move data are loaded when they are asked for, so that the others start quickly."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted((*super().list_commands(ctx), *_MOVING))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _MOVING:
            return super().get_command(ctx, cmd_name)
        from extenddb.server.data.commands import COMMANDS

        return COMMANDS[cmd_name]


@click.group(cls=_Program, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
def program() -> None:
    """A server that speaks the Amazon DynamoDB protocol over a store you own.

    Without a command it serves; see: extenddb-server serve --help
    """


@program.command()
@settings_options
def serve(config_file: str | None, **flags: Any) -> None:
    """Answer requests until a signal."""
    loaded = _load(config_file, flags)
    from extenddb.server.logs import set_up
    from extenddb.server.serve import execute  # so that the other commands start quickly

    process = loaded.settings.process
    set_up(process.log_level, process.log_format)
    try:
        execute(loaded.settings)
    except (ConfigError, RegistryError, StorageError, OSError) as error:
        _fail(str(error), FAILED)


@program.command(name="config")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@settings_options
def show_config(config_file: str | None, as_json: bool, **flags: Any) -> None:
    """Print the effective settings and where each comes from; secrets are hidden."""
    loaded = _load(config_file, flags)
    if as_json:
        tree: dict[str, dict[str, Any]] = {}
        for entry, value, source in loaded.shown():
            tree.setdefault(entry.section, {})[entry.name] = {"value": value, "source": source}
        click.echo(json.dumps(tree, indent=2))
        return
    for entry, value, source in loaded.shown():
        click.echo(f"{entry.key:28} {json.dumps(value):32} {source}")


@program.command()
@settings_options
def certs(config_file: str | None, **flags: Any) -> None:
    """Make the own certificates if needed, and print how clients come to trust them."""
    loaded = _load(config_file, flags)
    from extenddb.server.http.tls import ensure

    settings = loaded.settings
    try:
        certificate = ensure(config.data_folder(settings), settings.http.host)
    except ConfigError as error:
        _fail(str(error), FAILED)
    authority = Path(certificate.authority or "").resolve()
    click.echo(f"{authority}\n")
    for language, line in trust_lines(authority):
        click.echo(f"{language:34} {line}")


def trust_lines(authority: Path) -> Sequence[tuple[str, str]]:
    """Return for each language what makes its SDK trust an authority."""
    java = f"keytool -importcert -noprompt -alias extenddb -file {authority} -keystore extenddb.p12 -storepass changeit"
    return (
        ("AWS CLI, Python (boto3)", f"export AWS_CA_BUNDLE={authority}"),
        ("JavaScript (Node.js)", f"export NODE_EXTRA_CA_CERTS={authority}"),
        ("Go, Rust, Ruby, Python (aiohttp)", f"export SSL_CERT_FILE={authority}"),
        ("Java, Kotlin: import", java),
        ("Java, Kotlin: use", "-Djavax.net.ssl.trustStore=extenddb.p12 -Djavax.net.ssl.trustStorePassword=changeit"),
        ("curl", f"curl --cacert {authority} https://localhost:8000/health"),
    )


@program.command()
@click.option("--endpoint", metavar="URL", help="Ask this server instead of the one of the settings.")
@settings_options
def healthcheck(config_file: str | None, endpoint: str | None, **flags: Any) -> None:
    """Exit with 0 if the server is ready, with 1 if not."""
    from extenddb.server import probe

    if endpoint is None:
        endpoint = _endpoint(_load(config_file, flags).settings)
    try:
        status = asyncio.run(probe.status(endpoint))
    except (OSError, TimeoutError, ValueError) as error:
        _fail(f"{endpoint} does not answer: {error or 'timed out'}", FAILED)
    if status != 200:
        _fail(f"{endpoint} is not ready: status {status}", FAILED)
    click.echo("ready")


def _endpoint(settings: config.Settings) -> str:
    host = settings.http.host
    local = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host)  # noqa: S104
    scheme = "https" if settings.tls.enabled or settings.tls.cert else "http"
    return f"{scheme}://{local or (f'[{host}]' if ':' in host else host)}:{settings.http.port}"


@program.command()
def version() -> None:
    """Print the versions of all parts."""
    from extenddb.storage.registry import names

    for name in ("server", "engine", "storage", "core"):
        click.echo(f"extenddb-{name} {distribution_version(f'extenddb-{name}')}")
    click.echo(f"Python {sys.version.split()[0]}; backends: {', '.join(names()) or 'none'}")


def arguments(given: Sequence[str]) -> list[str]:
    """Return arguments with the flags of DynamoDB Local translated, and the command `serve` where there is none."""
    translated: list[str] = []
    for each in given:
        if each in _LOCAL_SWITCHES:
            translated.extend(_LOCAL_SWITCHES[each])
        elif each not in _LOCAL_IGNORED:
            translated.append(_LOCAL_FLAGS.get(each, each))
    first = translated[0] if translated else ""
    if first in program.commands or first in _MOVING or first in {"-h", "--help"}:
        return translated
    if first and not first.startswith("-"):
        return translated  # an unknown command: let click say so
    return ["serve", *translated]


def main() -> None:
    """Run the program."""
    program(args=arguments(sys.argv[1:]), prog_name="extenddb-server")
