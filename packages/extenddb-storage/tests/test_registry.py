"""Discovery of backends, with fake distributions on the path."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from extenddb.storage.registry import RegistryError, load_backend, names

PLUGIN = """
class Plugin:
    name = "{name}"
    spi_version = "{version}"
    capabilities = None
    def provision(self, settings): ...
    async def open(self, settings): ...
plugin = Plugin()
"""


class Site:
    """A folder on the path in which distributions can be put."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, dist: str, entry: str, target: str, source: str | None = None) -> None:
        folder = self.path / f"{dist.replace('-', '_')}-1.5.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {dist}\nVersion: 1.5\n")
        (folder / "entry_points.txt").write_text(f"[extenddb.storage_backends]\n{entry} = {target}\n")
        if source is not None:
            (self.path / f"{target.partition(':')[0]}.py").write_text(source)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.syspath_prepend(str(tmp_path))
    return Site(tmp_path)


def test_the_memory_backend_is_found() -> None:
    assert "memory" in names()
    assert load_backend("memory").name == "memory"


def test_listing_imports_nothing(site: Site) -> None:
    site.add("acme-store", "acme", "fake_listed:plugin", "raise RuntimeError('imported')")
    assert "acme" in names()
    assert "fake_listed" not in sys.modules


def test_a_third_party_backend_is_loaded(site: Site) -> None:
    site.add("acme-store", "acme", "fake_good:plugin", PLUGIN.format(name="acme", version="1.7"))
    assert load_backend("acme").spi_version == "1.7"


def test_an_unknown_name_says_what_is_installed_and_what_to_install() -> None:
    with pytest.raises(
        RegistryError, match=r"'nosuch' is not installed \(installed: .*memory.*extenddb-storage-nosuch"
    ):
        load_backend("nosuch")


def test_a_name_that_two_distributions_claim_names_both(site: Site) -> None:
    site.add("acme-one", "acme", "fake_one:plugin")
    site.add("acme-two", "acme", "fake_two:plugin")
    assert names().count("acme") == 1
    with pytest.raises(RegistryError, match=r"acme-one 1.5 .* and acme-two 1.5 "):
        load_backend("acme")


def test_a_failing_import_tells_cause_and_origin(site: Site) -> None:
    site.add("acme-store", "acme", "fake_broken:plugin", "raise RuntimeError('no libacme')")
    with pytest.raises(RegistryError, match=r"acme-store 1.5 cannot be imported: RuntimeError: no libacme") as caught:
        load_backend("acme")
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_a_missing_object_is_an_import_failure(site: Site) -> None:
    site.add("acme-store", "acme", "fake_empty:plugin", "")
    with pytest.raises(RegistryError, match="cannot be imported: AttributeError"):
        load_backend("acme")


def test_a_wrong_object_names_what_it_lacks(site: Site) -> None:
    site.add("acme-store", "acme", "fake_wrong:plugin", "class plugin: name = 'acme'; spi_version = '1.0'")
    with pytest.raises(RegistryError, match="fake_wrong:plugin has no capabilities, provision, open"):
        load_backend("acme")


@pytest.mark.parametrize(("version", "advice"), [("2.0", "extenddb-storage"), ("0.9", "acme-store")])
def test_another_major_version_says_which_side_to_upgrade(site: Site, version: str, advice: str) -> None:
    module = f"fake_major_{version[0]}"
    site.add("acme-store", "acme", f"{module}:plugin", PLUGIN.format(name="acme", version=version))
    with pytest.raises(RegistryError, match=rf"version {version} .* upgrade {advice}\.$"):
        load_backend("acme")


def test_a_version_that_cannot_be_read_is_said_so(site: Site) -> None:
    site.add("acme-store", "acme", "fake_version:plugin", PLUGIN.format(name="acme", version="soon"))
    with pytest.raises(RegistryError, match="no readable contract version: 'soon'"):
        load_backend("acme")
