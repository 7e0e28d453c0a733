"""The generated tables: in step with botocore, whole, and cheap to import."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import typing
from pathlib import Path
from types import ModuleType

import botocore.loaders
import pytest

from extenddb.core.errors import ERROR_TYPES
from extenddb.core.model import OPERATIONS, operation_for_target, requests
from extenddb.core.model.data_shapes import SHAPES

ROOT = Path(__file__).resolve().parents[4]
GENERATOR = ROOT / "tools/generate_model.py"


def load_generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_model", GENERATOR)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_check_accepts_what_is_committed() -> None:
    run = subprocess.run(
        [sys.executable, str(GENERATOR), "--check"], capture_output=True, text=True, check=False, timeout=120
    )
    assert (run.returncode, run.stderr) == (0, "")


@pytest.mark.parametrize(
    ("committed", "said"),
    [("a\nb\n", None), ("a\nX\n", "at line 2"), ("a\nb\nc\n", "at line 3"), ("a\n", "at line 2"), (None, "missing")],
)
def test_check_names_the_difference(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], committed: str | None, said: str | None
) -> None:
    path = tmp_path / "data_shapes.py"
    if committed is not None:
        path.write_text(committed, encoding="utf-8")
    status = load_generator().check({path: "a\nb\n"})
    output = capsys.readouterr().err
    if said is None:
        assert (status, output) == (0, "")
    else:
        assert status == 1
        assert output.startswith("data_shapes.py: ")
        assert said in output


@pytest.mark.parametrize("service", ["dynamodb", "dynamodbstreams"])
def test_every_operation_of_the_models_is_there(service: str) -> None:
    model = botocore.loaders.Loader().load_service_model(service, "service-2")
    ours = {name: operation for name, operation in OPERATIONS.items() if operation.service == service}
    assert ours.keys() == model["operations"].keys()
    for name, operation in ours.items():
        assert operation.target == f"{model['metadata']['targetPrefix']}.{name}"
        assert operation.input == model["operations"][name]["input"]["shape"]


def test_targets_are_found_by_their_whole_name() -> None:
    assert operation_for_target("DynamoDB_20120810.GetItem") is OPERATIONS["GetItem"]
    assert operation_for_target("DynamoDBStreams_20120810.GetRecords") is OPERATIONS["GetRecords"]
    assert operation_for_target("DynamoDB_20120810.GetRecords") is None
    assert operation_for_target("GetItem") is None


def test_tokens_are_those_the_model_marks() -> None:
    assert OPERATIONS["TransactWriteItems"].idempotency_tokens == ("ClientRequestToken",)
    assert OPERATIONS["GetItem"].idempotency_tokens == ()


def test_every_modelled_error_is_in_the_closed_set() -> None:
    modelled = {error for operation in OPERATIONS.values() for error in operation.errors}
    assert modelled - ERROR_TYPES.keys() == set()


def test_every_shape_that_is_named_exists() -> None:
    named = {operation.input for operation in OPERATIONS.values()}
    named |= {operation.output for operation in OPERATIONS.values() if operation.output is not None}
    for row in SHAPES.values():
        named |= set(row.get("members", {}).values())
        named |= {row[part] for part in ("member", "key", "value") if part in row}
    assert named == SHAPES.keys()


def test_typed_views_have_the_members_of_their_structures() -> None:
    for name, row in SHAPES.items():
        if row["type"] == "structure" and name != "AttributeValue":
            assert list(typing.get_type_hints(getattr(requests, name))) == list(row["members"])


def test_importing_the_operations_does_not_build_the_typed_views() -> None:
    program = (
        "import sys, extenddb.core.model, extenddb.core.wire.decode; "
        "print('extenddb.core.model.requests' in sys.modules, 'botocore' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert run.stdout.split() == ["False", "False"]
