"""The commands that move data, as the command line sees them."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import click

from extenddb.server.app import loop_factory
from extenddb.server.data import errors, tables
from extenddb.server.data.checkpoint import Checkpoint
from extenddb.server.data.client import Client
from extenddb.server.data.copying import Copy, copy
from extenddb.server.data.endpoints import Given, endpoint, keys
from extenddb.server.data.exporting import Export, export
from extenddb.server.data.importing import Import, import_files
from extenddb.server.data.pacing import Time
from extenddb.server.data.progress import Reporter, Style
from extenddb.server.data.syncing import Sync, sync

_FIRST_CONTACT_SECONDS = 10.0
_SETTLE_SECONDS = {False: 1.0, True: 15.0}
"""How long shards must be quiet to be caught up; the service also answers nothing in the middle of a shard."""
_SIDE_OPTIONS = (
    ("region", "", "Region; else that of the URL or of AWS_REGION."),
    ("access-key", "_AWS_ACCESS_KEY_ID", "Access key id."),
    ("secret-key", "_AWS_SECRET_ACCESS_KEY", "Secret access key; better given by the variable."),
    ("session-token", "_AWS_SESSION_TOKEN", "Token of temporary credentials."),
    ("profile", "", "Profile of the AWS tools; needs botocore."),
    ("ca-bundle", "", "File of certificates to trust; else AWS_CA_BUNDLE."),
)
Command = Callable[..., None]


def side(name: str) -> Callable[[Command], Command]:
    """Give a command the flags of one endpoint, called `from` or `to`."""

    def decorate(command: Command) -> Command:
        if name == "from":
            command = click.option("--from-streams", default="", metavar="URL", help="Where its streams are read.")(
                command
            )
        for option, variable, text in reversed(_SIDE_OPTIONS):
            env = f"{name.upper()}{variable}" if variable.startswith("_") else None
            shown = f"{text}  [env: {env}]" if env else text
            command = click.option(f"--{name}-{option}", default="", envvar=env, metavar="TEXT", help=shown)(command)
        text = "Endpoint: http://host:port, https://host, aws, or aws:region."
        return click.option(f"--{name}", f"{name}_url", required=True, metavar="URL", help=text)(command)

    return decorate


def common(command: Command) -> Command:
    """Give a command the flags that all have."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Tell progress and results as JSON lines."),
        click.option("--quiet", is_flag=True, help="Tell nothing but failures."),
        click.option("--patience", type=click.FloatRange(min=0), metavar="SECONDS", help="How long to repeat a call"
                     " while an endpoint is away or busy.  [default: 60; sync: 3600]"),
        click.option("--resume", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
                     help="Checkpoint: written while working; an existing one is continued."),
        click.option("--rate", type=click.FloatRange(min=0, min_open=True), metavar="N", help="Items a second."),
        click.option("--segments", type=click.IntRange(1, 1000), default=4, show_default=True, metavar="N",
                     help="Parts of the table read at the same time."),
    ):  # fmt: skip
        command = option(command)
    return command


def given(flags: dict[str, Any], name: str) -> Given:
    """Take the flags of one side out of all flags."""
    fields = {
        option.replace("-", "_"): flags.pop(f"{name}_{option.replace('-', '_')}") for option, _, _ in _SIDE_OPTIONS
    }
    return Given(url=flags.pop(f"{name}_url"), streams_url=flags.pop(f"{name}_streams", ""), **fields)


def reporting(*, as_json: bool, quiet: bool, times: Time) -> Reporter:
    """Return what tells the progress in the way asked for."""
    style: Style = "quiet" if quiet else "json" if as_json else "terminal" if sys.stdout.isatty() else "plain"
    return Reporter(style, times)


async def connect(stack: AsyncExitStack, side: Given, times: Time) -> Client:
    """Open a client for as long as the stack lasts; until its patience is set it gives up soon."""
    where = endpoint(side, os.environ)
    client = Client(where, keys(side, os.environ), times=times, patience=_FIRST_CONTACT_SECONDS)
    return await stack.enter_async_context(client)


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run a command to its end; a failure is one sentence and exit code 1."""
    try:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(work)
    except Exception as error:
        failure = errors.first(error)
        if failure is None:
            raise
        click.echo(f"extenddb-server: {' '.join(str(failure).split())}", err=True)
        sys.exit(1)


@click.command(name="copy")
@side("from")
@side("to")
@click.option("--table", required=True, metavar="NAME", help="Table to copy.")
@click.option("--target-table", metavar="NAME", help="Its name at the target; the same unless given.")
@click.option("--create", is_flag=True, help="Make the target table like the source if it is missing.")
@click.option("--verify/--no-verify", default=True, help="Count the items of the target afterwards.")
@common
def copy_command(**flags: Any) -> None:
    """Copy a table between two DynamoDB endpoints."""
    run(_copy(**flags))


def _copy_plan(flags: dict[str, Any], *, verify: bool) -> Copy:
    return Copy(
        table=flags["table"],
        target_table=flags["target_table"] or flags["table"],
        create=flags["create"],
        segments=flags["segments"],
        rate=flags["rate"],
        verify=verify,
    )


async def _copy(**flags: Any) -> None:
    times = Time()
    reporter = reporting(as_json=flags["as_json"], quiet=flags["quiet"], times=times)
    plan = _copy_plan(flags, verify=flags["verify"])
    async with AsyncExitStack() as stack:
        source = await connect(stack, given(flags, "from"), times)
        target = await connect(stack, given(flags, "to"), times)
        checkpoint = stack.enter_context(Checkpoint(flags["resume"], steady=times.steady))
        await _be_patient(_patience(flags, 60.0), (source, plan.table), (target, plan.target_table))
        await copy(plan, source, target, checkpoint, reporter)


def _patience(flags: dict[str, Any], usual: float) -> float:
    return usual if flags["patience"] is None else flags["patience"]


async def _be_patient(seconds: float, *sides: tuple[Client, str]) -> None:
    """Ask each endpoint for its table, so that a wrong address fails soon, and be patient from then on."""
    for client, table in sides:
        client.patience = min(seconds, _FIRST_CONTACT_SECONDS)
        await tables.find(client, table)
        client.patience = seconds


@click.command(name="sync")
@side("from")
@side("to")
@click.option("--table", required=True, metavar="NAME", help="Table to follow.")
@click.option("--target-table", metavar="NAME", help="Its name at the target; the same unless given.")
@click.option("--create", is_flag=True, help="Make the target table like the source if it is missing.")
@click.option("--enable-stream", is_flag=True, help="Enable a stream of the source table if it has none.")
@click.option("--until-caught-up", is_flag=True, help="End when nothing is left to apply.")
@click.option("--settle", type=click.FloatRange(min=0), metavar="SECONDS",
              help="How long nothing new must come to be caught up.  [default: 1; AWS: 15]")  # fmt: skip
@common
def sync_command(**flags: Any) -> None:
    """Copy a table, then apply its changes until a signal: the way to a cut-over without a pause."""
    run(_sync(**flags))


async def _sync(**flags: Any) -> None:
    times = Time()
    reporter = reporting(as_json=flags["as_json"], quiet=flags["quiet"], times=times)
    copied = _copy_plan(flags, verify=False)
    path = flags["resume"] or Path(f"{copied.table}.sync.json")
    async with AsyncExitStack() as stack:
        source = await connect(stack, given(flags, "from"), times)
        target = await connect(stack, given(flags, "to"), times)
        checkpoint = stack.enter_context(Checkpoint(path, steady=times.steady))
        await _be_patient(_patience(flags, 3600.0), (source, copied.table), (target, copied.target_table))
        plan = Sync(
            copy=copied,
            enable_stream=flags["enable_stream"],
            until_caught_up=flags["until_caught_up"],
            settle=_SETTLE_SECONDS[source.endpoint.is_aws] if flags["settle"] is None else flags["settle"],
        )
        await sync(plan, source, target, checkpoint, reporter, stopped_by_signals())


def stopped_by_signals() -> asyncio.Event:
    """Return an event that the first signal to end sets; the second one ends at once."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def on_signal(number: int) -> None:
        loop.remove_signal_handler(number)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, on_signal, number)
        except NotImplementedError:  # Windows: there a signal ends at once, and the checkpoint is used the next time
            break
    return stop


@click.command(name="export")
@side("from")
@click.option("--table", required=True, metavar="NAME", help="Table to export.")
@click.option("--folder", required=True, type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
              help="Where to put it; made if missing.")  # fmt: skip
@click.option("--format", "format_", type=click.Choice(["dynamodb-json", "ion"]), default="dynamodb-json",
              show_default=True, help="Format of the items.")  # fmt: skip
@click.option("--layout", type=click.Choice(["aws", "lines"]), default="aws", show_default=True,
              help="Like an export of the service, with manifests; or bare files of lines.")  # fmt: skip
@common
def export_command(**flags: Any) -> None:
    """Export a table of any DynamoDB endpoint into a folder."""
    run(_export(**flags))


async def _export(**flags: Any) -> None:
    times = Time()
    reporter = reporting(as_json=flags["as_json"], quiet=flags["quiet"], times=times)
    plan = Export(
        table=flags["table"],
        folder=flags["folder"],
        format=_format(flags["format_"]),
        manifests=flags["layout"] == "aws",
        segments=flags["segments"],
        rate=flags["rate"],
    )
    async with AsyncExitStack() as stack:
        source = await connect(stack, given(flags, "from"), times)
        checkpoint = stack.enter_context(Checkpoint(flags["resume"], steady=times.steady))
        await _be_patient(_patience(flags, 60.0), (source, plan.table))
        await export(plan, source, checkpoint, reporter)


def _format(name: str | None) -> str:
    return "" if name is None else name.upper().replace("-", "_")


@click.command(name="import")
@side("to")
@click.option("--table", required=True, metavar="NAME", help="Table to import into.")
@click.option("--path", required=True, type=click.Path(path_type=Path), metavar="PATH",
              help="Folder of an export, folder of files, or one file.")  # fmt: skip
@click.option("--format", "format_", type=click.Choice(["dynamodb-json", "ion", "csv"]),
              help="Format of the files; else told by the manifest or their names.")  # fmt: skip
@click.option("--schema", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Answer of DescribeTable as JSON: the table is made like it if it is missing.")  # fmt: skip
@click.option("--csv-delimiter", default=",", show_default=True, metavar="CHAR", help="Between the columns.")
@click.option("--csv-header", default="", metavar="NAMES", help="Names of the columns, between commas; else the first"
              " line has them.")  # fmt: skip
@click.option("--skip-bad-records", is_flag=True, help="Count records that are no items instead of failing.")
@common
def import_command(**flags: Any) -> None:
    """Import files into a table of any DynamoDB endpoint."""
    run(_import(**flags))


async def _import(**flags: Any) -> None:
    times = Time()
    reporter = reporting(as_json=flags["as_json"], quiet=flags["quiet"], times=times)
    plan = Import(
        path=flags["path"],
        table=flags["table"],
        format=_format(flags["format_"]),
        description=flags["schema"],
        delimiter=flags["csv_delimiter"],
        header=[name for name in flags["csv_header"].split(",") if name],
        skip_bad=flags["skip_bad_records"],
        parallel=flags["segments"],
        rate=flags["rate"],
    )
    async with AsyncExitStack() as stack:
        target = await connect(stack, given(flags, "to"), times)
        checkpoint = stack.enter_context(Checkpoint(flags["resume"], steady=times.steady))
        await _be_patient(_patience(flags, 60.0), (target, plan.table))
        await import_files(plan, target, checkpoint, reporter)


COMMANDS: dict[str, click.Command] = {
    command.name or "": command for command in (copy_command, export_command, import_command, sync_command)
}
"""All commands that move data, by name."""
