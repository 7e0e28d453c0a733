"""Finds backends among the installed distributions.

A backend announces itself with one entry point of the group `extenddb.storage_backends` that names one plugin object.
Listing reads metadata only; nothing is imported until a backend is asked for by name.
"""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

from extenddb.storage import SPI_VERSION
from extenddb.storage.spi import BackendPlugin

GROUP = "extenddb.storage_backends"
"""The entry-point group."""

_MEMBERS = ("name", "spi_version", "capabilities", "provision", "open")


class RegistryError(Exception):
    """A backend cannot be used; the text is one sentence for an operator."""


def names() -> list[str]:
    """Return the names of all installed backends in order, without importing any."""
    return sorted({entry.name for entry in entry_points(group=GROUP)})


def load_backend(name: str) -> BackendPlugin:
    """Import and check the plugin of a backend. Raises RegistryError."""
    entry = _entry(name)
    try:
        plugin = entry.load()
    except Exception as error:
        cause = f"{type(error).__name__}: {error}"
        raise RegistryError(f"Storage backend '{name}' of {_origin(entry)} cannot be imported: {cause}.") from error
    missing = [member for member in _MEMBERS if not hasattr(plugin, member)]
    if missing:
        raise RegistryError(
            f"Storage backend '{name}' of {_origin(entry)} is not a backend plugin: {entry.value} has no "
            f"{', '.join(missing)}."
        )
    _check_version(entry, str(plugin.spi_version))
    return plugin  # type: ignore[no-any-return]


def _entry(name: str) -> EntryPoint:
    found = {(_origin(entry), entry.value): entry for entry in entry_points(group=GROUP, name=name)}
    if not found:
        installed = ", ".join(names()) or "none"
        raise RegistryError(
            f"Storage backend '{name}' is not installed (installed: {installed}); "
            f"try: pip install extenddb-storage-{name}."
        )
    if len(found) > 1:
        origins = " and ".join(sorted(f"{origin} ({value})" for origin, value in found))
        raise RegistryError(f"Storage backend '{name}' is provided by {origins}; uninstall all but one.")
    return next(iter(found.values()))


def _check_version(entry: EntryPoint, version: str) -> None:
    try:
        theirs = int(version.partition(".")[0])
    except ValueError:
        raise RegistryError(
            f"Storage backend '{entry.name}' of {_origin(entry)} states no readable contract version: {version!r}."
        ) from None
    ours = int(SPI_VERSION.partition(".")[0])
    if theirs == ours:
        return
    upgrade = "extenddb-storage" if theirs > ours else _distribution(entry)
    raise RegistryError(
        f"Storage backend '{entry.name}' of {_origin(entry)} is written for version {version} of the storage contract, "
        f"but version {SPI_VERSION} is installed; upgrade {upgrade}."
    )


def _distribution(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else "an unknown distribution"


def _origin(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist is not None else "an unknown distribution"
