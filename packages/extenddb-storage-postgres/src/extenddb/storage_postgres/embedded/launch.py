"""Becomes another program under an unprivileged user; run as a script, never imported by the server.

`python -I -S launch.py <parent pid> <uid> <gid> <program> [argument...]`. uid -1 keeps the user.

PostgreSQL refuses to run as root, and the folders above its data and its binaries are often closed to everyone else.
Nothing is opened for it: the child keeps the capability to look through directories, and nothing else of root's
power. The kernel takes that capability away from `access()`, with which PostgreSQL tests its own files, unless the
process forgoes the automatic change of capabilities with the user id; hence the secure bit.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
PR_SET_SECUREBITS = 28
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
SECBIT_NO_SETUID_FIXUP = 1 << 2
CAPABILITY_VERSION_3 = 0x20080522
CAP_DAC_OVERRIDE = 1
CAP_DAC_READ_SEARCH = 2
EXIT_NO_PASSAGE = 79
"""The program cannot be run as that user from here; the caller explains what to do."""
EXIT_ORPHAN = 80
"""The parent ended before the child could ask to be told."""


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Data(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _check(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _permitted(libc: ctypes.CDLL) -> int:
    header, data = _Header(CAPABILITY_VERSION_3, 0), (_Data * 2)()
    _check(libc.capget(ctypes.byref(header), data))
    return int(data[0].permitted)


def _keep_only(libc: ctypes.CDLL, capability: int) -> None:
    mask = 1 << capability
    header, data = _Header(CAPABILITY_VERSION_3, 0), (_Data * 2)()
    data[0].effective = data[0].permitted = data[0].inheritable = mask
    _check(libc.capset(ctypes.byref(header), data))
    _check(libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0))


def drop_root(uid: int, gid: int) -> None:
    """Become an unprivileged user that may, where this root can grant it, still pass through closed directories.

    Raises OSError where not even the user can be changed.
    """
    kept = _passage()
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    if kept is not None:
        _keep_only(_libc(), kept)


def _passage() -> int | None:
    """Prepare to keep one capability over the change of user; None where that cannot be (a confined container)."""
    if sys.platform != "linux":
        return None
    libc = _libc()
    try:
        permitted = _permitted(libc)
        able = [cap for cap in (CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE) if permitted >> cap & 1]
        if able:
            _check(libc.prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0))
    except OSError:
        return None
    return able[0] if able else None


def main(arguments: list[str]) -> int:
    """Run the program in place of this one; returns only an exit code of failure."""
    parent, uid, gid, program, *rest = arguments
    os.umask(0o077)
    if int(uid) >= 0:
        try:
            drop_root(int(uid), int(gid))
        except OSError as error:
            print(error, file=sys.stderr)
            return EXIT_NO_PASSAGE
    if sys.platform == "linux":
        # After the change of user, which clears it; SIGINT is PostgreSQL's fast shutdown.
        _check(_libc().prctl(PR_SET_PDEATHSIG, signal.SIGINT, 0, 0, 0))
        if os.getppid() != int(parent):
            return EXIT_ORPHAN
    try:
        return os.execv(program, [program, *rest])  # noqa: S606
    except PermissionError as error:
        print(f"{program}: {error.strerror}", file=sys.stderr)
        return EXIT_NO_PASSAGE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
