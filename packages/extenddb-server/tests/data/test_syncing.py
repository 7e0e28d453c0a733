"""Following a source while it is written to: whatever is killed meanwhile, the target ends up the same."""

from __future__ import annotations

import json
import random
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from moving import BOUND_SECONDS, SIGNED, Commands, between, contents, eventually, fill, item, make_table

from extenddb.server.testing import Server, start

NUMBERS = 400


@contextmanager
def writers(server: Server, table: str) -> Iterator[list[int]]:
    """Put, update and delete items at random as long as the context lasts; yields how many writes there were."""
    ended = threading.Event()
    counts = [0, 0]
    failures: list[BaseException] = []

    def work(number: int) -> None:
        chance, client = random.Random(number), server.client()
        while not ended.is_set():
            one = item(chance.randrange(NUMBERS), version=counts[number], size=chance.randrange(2000))
            key = {"p": one["p"], "s": one["s"]}
            kind = chance.randrange(4)
            if kind == 0:
                client.delete_item(TableName=table, Key=key)
            elif kind == 1:
                more = {":one": {"N": "1"}}
                client.update_item(
                    TableName=table, Key=key, UpdateExpression="ADD c :one", ExpressionAttributeValues=more
                )
            else:
                client.put_item(TableName=table, Item=one)
            counts[number] += 1

    def guarded(number: int) -> None:
        try:
            work(number)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(number,)) for number in range(len(counts))]
    for thread in threads:
        thread.start()
    try:
        yield counts
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    assert not failures


def state(commands: Commands, table: str) -> dict[str, Any]:
    """Return the checkpoint of a sync; empty while there is none."""
    file = commands.folder / f"{table}.sync.json"
    return json.loads(file.read_text()) if file.exists() else {}


@pytest.mark.kill
def test_killed_in_the_copy_and_while_following_with_writers_all_the_time(
    servers: tuple[Server, Server], commands: Commands
) -> None:
    source, target = servers
    make_table(source.client(), "Busy", stream="NEW_AND_OLD_IMAGES")
    fill(source.client(), "Busy", range(NUMBERS), size=9000)
    flags = ["sync", *between(source, target, "Busy"), "--create", "--json", "--segments", "2"]

    def copied() -> int:
        return sum(segment["items"] for segment in state(commands, "Busy").get("segments", ()))

    with writers(source, "Busy") as counts:
        with commands.running(*flags, "--rate", "250") as process:
            eventually(copied, "a page of the copy")
            process.send_signal(signal.SIGKILL)
            process.wait(30)
        assert state(commands, "Busy")["phase"] == "copy"
        with commands.running(*flags) as process:
            eventually(lambda: any(each.get("applied", 0) > 100 for each in commands.events()), "changes applied")
            eventually(lambda: any(shard["after"] for shard in state(commands, "Busy")["shards"].values()), "a place")
            process.send_signal(signal.SIGKILL)
            process.wait(30)
        assert state(commands, "Busy")["phase"] == "follow"
        more = sum(counts) + 200
        eventually(lambda: sum(counts) > more, "more writes")
    events = commands.run(*flags, "--until-caught-up").succeeded().events
    assert events[0]["event"] == "resumed"
    assert events[-1]["event"] == "caught-up"
    assert events[-1]["applied"] >= 200
    assert events[-2]["lag_seconds"] == 0
    assert contents(target.client(), "Busy") == contents(source.client(), "Busy")
    assert commands.run(*flags, "--until-caught-up").succeeded().events[-1]["applied"] == 0


def test_changes_made_during_the_copy_win_over_what_it_read(servers: tuple[Server, Server], commands: Commands) -> None:
    """The copy waits on its rate with pages in hand while each of their items is changed or removed."""
    source, target = servers
    ours = source.client()
    make_table(ours, "Race", stream="NEW_IMAGE")
    fill(ours, "Race", range(200))
    flags = ["sync", *between(source, target, "Race"), "--create", "--json", "--segments", "1"]
    with commands.running(*flags, "--rate", "100", "--until-caught-up") as process:
        theirs = target.client()
        eventually(lambda: "Race" in theirs.list_tables()["TableNames"] and contents(theirs, "Race"), "the first items")
        assert len(contents(theirs, "Race")) < 200
        fill(ours, "Race", range(0, 200, 2), version=1)
        for number in range(1, 200, 2):
            ours.delete_item(TableName="Race", Key={"p": item(number)["p"], "s": item(number)["s"]})
        assert process.wait(BOUND_SECONDS) == 0
    found = contents(theirs, "Race")
    assert len(found) == 100
    assert {each["v"]["N"] for each in found.values()} == {"1"}
    assert found == contents(ours, "Race")


@pytest.mark.postgres
def test_both_sides_may_restart(tmp_path: Path, commands: Commands) -> None:
    def serve(stack: ExitStack, side: str, **settings: Any) -> Server:
        return stack.enter_context(start(data_dir=tmp_path / side, **settings))

    with ExitStack() as outer:
        stacks = {side: outer.enter_context(ExitStack()) for side in ("from", "to")}
        source, target = serve(stacks["from"], "from"), serve(stacks["to"], "to", **SIGNED)
        make_table(source.client(), "Stays", stream="NEW_IMAGE")
        fill(source.client(), "Stays", range(50))
        with commands.running("sync", *between(source, target, "Stays"), "--create", "--json") as process:
            eventually(lambda: any(each["event"] == "copied" for each in commands.events()), "the copy")
            stacks["to"].close()
            fill(source.client(), "Stays", range(25, 75), version=1)
            eventually(lambda: commands.events()[-1].get("records_behind") == 50, "changes that wait")
            eventually(lambda: commands.events()[-1]["lag_seconds"] > 0, "lag")
            target = serve(stacks["to"], "to", port=target.port, **SIGNED)
            expected = contents(source.client(), "Stays")
            eventually(lambda: contents(target.client(), "Stays") == expected, "the changes")
            stacks["from"].close()
            source = serve(stacks["from"], "from", port=source.port)
            fill(source.client(), "Stays", range(75, 100), version=2)
            expected = contents(source.client(), "Stays")
            eventually(lambda: contents(target.client(), "Stays") == expected, "the changes after that")
            eventually(lambda: commands.events()[-1].get("lag_seconds") == 0, "no lag")
            process.send_signal(signal.SIGTERM)
            assert process.wait(BOUND_SECONDS) == 0
        assert commands.events()[-1]["event"] == "stopped"


def test_what_a_sync_needs(servers: tuple[Server, Server], commands: Commands) -> None:
    source, target = servers
    ours = source.client()
    make_table(ours, "Plain")
    make_table(ours, "Keys", stream="KEYS_ONLY")
    plain = ["sync", *between(source, target, "Plain"), "--create", "--until-caught-up", "--settle", "0"]
    commands.run(*plain).failed("has no stream; --enable-stream enables one")
    commands.run("sync", *between(source, target, "Keys"), "--create").failed("has the view type KEYS_ONLY")
    commands.run(*plain, "--enable-stream").succeeded()
    assert ours.describe_table(TableName="Plain")["Table"]["StreamSpecification"]["StreamViewType"] == (
        "NEW_AND_OLD_IMAGES"
    )
    ours.put_item(TableName="Plain", Item=item(1))
    ours.update_table(TableName="Plain", StreamSpecification={"StreamEnabled": False})
    commands.run(*plain).failed("The stream of Plain was disabled")
    assert contents(target.client(), "Plain") == contents(ours, "Plain")


def test_two_may_not_work_with_one_checkpoint(servers: tuple[Server, Server], commands: Commands) -> None:
    source, target = servers
    make_table(source.client(), "Single", stream="NEW_IMAGE")
    flags = ["sync", *between(source, target, "Single"), "--create", "--json"]
    with commands.running(*flags) as process:
        eventually(lambda: any(each["event"] == "copied" for each in commands.events()), "the copy")
        commands.run(*flags).failed("Another process works with the checkpoint")
        process.send_signal(signal.SIGINT)
        assert process.wait(BOUND_SECONDS) == 0


def test_a_stop_during_the_copy_is_no_success_but_can_be_continued(
    servers: tuple[Server, Server], commands: Commands
) -> None:
    source, target = servers
    make_table(source.client(), "Halted", stream="NEW_IMAGE")
    fill(source.client(), "Halted", range(100))
    flags = ["sync", *between(source, target, "Halted"), "--create"]
    with commands.running(*flags, "--rate", "2") as process:
        eventually(lambda: state(commands, "Halted"), "the checkpoint")
        eventually(lambda: "Halted" in target.client().list_tables()["TableNames"], "the table")
        process.send_signal(signal.SIGTERM)
        assert process.wait(BOUND_SECONDS) == 1
    assert "Stopped during the first copy; run it again to go on where Halted.sync.json ends." in commands.told()
    assert len(contents(target.client(), "Halted")) < 100
    commands.run(*flags, "--until-caught-up").succeeded()
    assert contents(target.client(), "Halted") == contents(source.client(), "Halted")
