"""Settings: sources and their order, values that cannot be used, and that everything is documented."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from extenddb.engine import EngineSettings
from extenddb.server import config
from extenddb.server.app import engine_settings
from extenddb.server.cli import arguments, program
from extenddb.server.config import ENTRIES, ConfigError

DOCS = Path(__file__).parents[3] / "docs" / "configuration.md"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def load(flags: dict[str, Any] | None = None, environ: dict[str, str] | None = None, file: str = "") -> config.Loaded:
    """Load settings, with the text of a file if one is given."""
    if file:
        Path("some.toml").write_text(file)
    return config.load(flags or {}, environ=environ or {}, file="some.toml" if file else None)


def test_flags_come_before_environment_before_file_before_defaults() -> None:
    file = "[http]\nport = 1\nhost = 'file'\n[service]\nregion = 'file'\n"
    environ = {"EXTENDDB_PORT": "2", "EXTENDDB_HOST": "environment"}
    loaded = load({"http.port": "3"}, environ, file)
    http = loaded.settings.http
    assert (http.port, http.host, loaded.settings.service.region) == (3, "environment", "file")
    keys = ("http.port", "http.host", "service.region", "http.cors")
    assert [loaded.sources[key] for key in keys] == ["flag", "environment", "file", "default"]


def test_the_file_may_be_named_by_the_environment_or_lie_in_the_folder() -> None:
    Path("named.toml").write_text("[http]\nport = 5\n")
    assert config.load({}, environ={"EXTENDDB_CONFIG": "named.toml"}).settings.http.port == 5
    Path("extenddb.toml").write_text("[http]\nport = 6\n")
    assert config.load({}, environ={}).settings.http.port == 6


def test_every_setting_can_be_given_in_every_way() -> None:
    samples = {bool: "true", int: "7", float: "1.5", dict: "a=b"}
    for entry in ENTRIES:
        text = entry.choices[-1] if entry.choices else samples.get(entry.type, "text")
        if entry.key in {"tls.cert", "tls.key", "auth.access_key_id", "auth.secret_access_key", "auth.account_id"}:
            continue  # only in pairs, or of a form of their own
        by_env = load(environ={entry.env: text})
        by_flag = load({entry.key: text})
        value = getattr(getattr(by_env.settings, entry.section), entry.name)
        assert value == getattr(getattr(by_flag.settings, entry.section), entry.name) != entry.default or (
            value == entry.default and entry.type is bool
        )
        written = json.dumps(value) if not isinstance(value, dict) else "{a='b'}"
        by_file = load(file=f"[{entry.section}]\n{entry.name} = {written}\n")
        assert getattr(getattr(by_file.settings, entry.section), entry.name) == value


@pytest.mark.parametrize(
    ("flags", "environ", "file", "words"),
    [
        ({"http.port": "x"}, {}, "", "--port: 'x' is not a number."),
        ({}, {"EXTENDDB_PORT": "70000"}, "", "EXTENDDB_PORT: 70000 is outside 0 to 65535."),
        ({}, {"EXTENDDB_PROT": "1"}, "", "Unknown environment variable EXTENDDB_PROT; did you mean EXTENDDB_PORT?"),
        ({}, {"EXTENDDB_AUTH": "iam2"}, "", "EXTENDDB_AUTH: 'iam2' is none of auto, off, sigv4."),
        ({}, {"EXTENDDB_MEMORY": "perhaps"}, "", "EXTENDDB_MEMORY: 'perhaps' is neither true nor false."),
        ({}, {}, "[http]\nprot = 1", "some.toml: unknown setting http.prot; did you mean http.port?"),
        ({}, {}, "[http]\nport = true", "some.toml: http.port: True is not a number."),
        ({}, {}, "[http]\nhost = 5", "some.toml: http.host: 5 is not a text."),
        ({}, {}, "port = 1", "some.toml: port stands outside a section."),
        ({}, {}, "[http", "The configuration file some.toml is not valid TOML"),
        ({"tls.cert": "x"}, {}, "", "give both --tls-cert and --tls-key"),
        ({"auth.access_key_id": "x"}, {}, "", "give both --access-key-id and --secret-access-key"),
        ({"auth.account_id": "12"}, {}, "", "--account-id: '12' is not twelve digits."),
        ({"store.memory": True, "store.postgres_url": "x"}, {}, "", "give one of them"),
        ({"store.options": ("a",)}, {}, "", "--backend-option: 'a' is not of the form name=value."),
    ],
)
def test_what_cannot_be_used_is_one_sentence(
    flags: dict[str, Any], environ: dict[str, str], file: str, words: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(flags, environ, file)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value).split(":", 1)[0]


def test_what_kubernetes_says_of_a_service_named_like_us_is_no_setting() -> None:
    environ = {
        "EXTENDDB_PORT": "tcp://10.0.0.1:8000",
        "EXTENDDB_SERVICE_HOST": "10.0.0.1",
        "EXTENDDB_PORT_8000_TCP": "x",
    }
    assert load(environ=environ).settings.http.port == 8000


def test_the_tree_survives_the_way_to_a_worker() -> None:
    settings = load({"http.port": "9", "store.options": ("a=b",)}).settings
    assert config.from_json(json.loads(json.dumps(config.to_json(settings)))) == settings


def test_a_store_that_others_reach_is_not_left_open() -> None:
    assert config.auth_mode(load().settings) == "off"
    assert config.cors_origins(load().settings) == "*"
    reached = load({"store.postgres_url": "postgresql://db/x"}).settings
    assert config.auth_mode(reached) == "sigv4"
    assert config.cors_origins(reached) == ""
    chosen = load({"store.postgres_url": "postgresql://db/x", "auth.mode": "off", "http.cors": "http://a"}).settings
    assert (config.auth_mode(chosen), config.cors_origins(chosen)) == ("off", "http://a")


def test_the_backend_is_given_its_options() -> None:
    settings = load({"store.memory": True, "store.options": ("pool=3", "url=x")}).settings
    assert config.backend_settings(settings) == {"data_dir": ".extenddb", "memory": "true", "pool": "3", "url": "x"}


def test_the_command_config_hides_secrets() -> None:
    environ = {
        "EXTENDDB_POSTGRES_URL": "postgresql://u:topsecret@h/d",
        "EXTENDDB_ACCESS_KEY_ID": "visible",
        "EXTENDDB_SECRET_ACCESS_KEY": "topsecret",
        "EXTENDDB_MASTER_KEY": "topsecret",
        "EXTENDDB_BACKEND_OPTIONS": "password=topsecret",
    }
    text = CliRunner().invoke(program, ["config", "--port", "9"], env=environ).output
    assert "topsecret" not in text
    assert "visible" in text
    tree = json.loads(CliRunner().invoke(program, ["config", "--json", "--port", "9"], env=environ).output)
    assert tree["http"]["port"] == {"value": 9, "source": "flag"}
    assert tree["store"]["postgres_url"] == {"value": config.HIDDEN, "source": "environment"}
    assert "topsecret" not in json.dumps(tree)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([], ["serve"]),
        (["--port", "1"], ["serve", "--port", "1"]),
        (["config", "--json"], ["config", "--json"]),
        (["--help"], ["--help"]),
        (["nonsense"], ["nonsense"]),
        (
            ["-port", "9000", "-inMemory", "-sharedDb", "-cors", "*", "-disableTelemetry"],
            ["serve", "--port", "9000", "--memory", "--cors", "*"],
        ),
        (
            ["-dbPath", "x", "-delayTransientStatuses"],
            ["serve", "--data-dir", "x", "--strict-waits", "--delay-seconds", "3"],
        ),
    ],
)
def test_flags_of_dynamodb_local_are_understood(given: list[str], expected: list[str]) -> None:
    assert arguments(given) == expected


def test_every_setting_of_the_engine_can_be_made_and_has_the_engines_default() -> None:
    assert engine_settings(load().settings) == EngineSettings()
    for each in dataclasses.fields(EngineSettings):
        value = not each.default if isinstance(each.default, bool) else 7
        made = engine_settings(load({f"service.{each.name}": value}).settings)
        assert getattr(made, each.name) == value != each.default


def test_every_setting_is_documented() -> None:
    text = DOCS.read_text("utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    for entry in ENTRIES:
        row = next((line for line in rows if f"| `{entry.key}`" in line), "")
        assert row, f"{entry.key} is missing in {DOCS.name}"
        assert f"`{entry.flag}`" in row
        assert f"`{entry.env}`" in row
        assert entry.help in row
    assert len(rows) == len(ENTRIES)
