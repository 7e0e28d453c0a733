"""Who gets a place, memory and time: the deciding parts, without sockets."""

from __future__ import annotations

import resource
from unittest import mock

import pytest

from extenddb.server.http.budget import Budget, Reservation
from extenddb.server.http.connection import counted_address
from extenddb.server.http.crowd import Crowd
from extenddb.server.http.limits import connections
from extenddb.server.http.watch import SLOWEST, Deadlines, Phase, Watch


class Guest:
    """A connection without a socket."""

    def __init__(self, address: str, *, busy: bool = False) -> None:
        self.address = address
        self.busy = busy
        self.left = False

    def leave(self) -> None:
        self.left = True


def crowd_of(places: int, open_places: int, *addresses: str) -> tuple[Crowd, list[Guest]]:
    crowd = Crowd(places, open_places)
    guests = [Guest(each) for each in addresses]
    for guest in guests:
        crowd.add(guest)
    return crowd, guests


def test_whoever_has_most_connections_gives_way_with_the_oldest() -> None:
    crowd, guests = crowd_of(5, 1, "a", "b", "b", "b", "c")
    assert crowd.full
    assert crowd.make_room()
    assert [guest.left for guest in guests] == [False, True, False, False, False]
    assert (len(crowd), crowd.unproven) == (4, 4)


def test_the_proven_stay_and_leave_places_open() -> None:
    crowd, guests = crowd_of(4, 2, "a", "a", "a", "a")
    for guest in guests:
        crowd.prove(guest)
    assert crowd.unproven == 2  # there is room for two proven ones
    assert crowd.make_room()
    assert [guest.left for guest in guests] == [False, False, True, False]


def test_nobody_goes_who_is_being_answered() -> None:
    crowd = Crowd(2, 1)
    busy, idle = Guest("a", busy=True), Guest("a")
    crowd.add(busy)
    assert not crowd.make_room()
    crowd.add(idle)
    assert crowd.make_room()
    assert (busy.left, idle.left) == (False, True)


def test_leaving_twice_counts_once() -> None:
    crowd, (one, other) = crowd_of(4, 1, "a", "b")
    crowd.prove(one)
    for _ in range(2):
        crowd.remove(one)
        crowd.remove(other)
    assert (len(crowd), crowd.unproven, list(crowd)) == (0, 0, [])


def test_descriptors_that_ran_out_make_fewer_places_for_a_while() -> None:
    crowd, guests = crowd_of(10, 1, *"aaaaaaaa")
    crowd.shrink(3)
    full = [crowd.full]
    crowd.grow()
    full.append(crowd.full)
    assert full == [True, False]
    assert sum(guest.left for guest in guests) == 3


def test_half_of_the_memory_is_for_the_proven() -> None:
    budget = Budget(1000)
    assert budget.take("a", 250, proven=False)
    assert not budget.take("a", 1, proven=False)
    assert budget.take("b", 250, proven=False)
    assert not budget.take("c", 1, proven=False)
    assert budget.take("c", 500, proven=True)
    assert not budget.take("c", 1, proven=True)
    budget.give_back("a", 250, proven=False)
    assert budget.take("c", 250, proven=False)
    assert budget.taken == 1000


def test_a_reservation_is_given_back_as_it_was_taken() -> None:
    budget = Budget(1000)
    reservation = Reservation(budget, "a")
    assert reservation.take(100, proven=False)
    assert reservation.take(600, proven=True)
    assert not reservation.take(500, proven=True)
    reservation.end()
    reservation.end()
    assert budget.taken == 0
    assert budget.take("a", 250, proven=False)


LONGEST = Deadlines(stall=10, idle=30, kept=100).longest()


@pytest.mark.parametrize(
    ("phase", "seconds"),
    [
        (Phase.SILENT, 10),
        (Phase.HEAD, 10),
        (Phase.BODY, 10),
        (Phase.SENDING, 10),
        (Phase.CLOSING, 10),
        (Phase.IDLE, 30),
        (Phase.KEPT, 100),
        (Phase.WORKING, None),
    ],
)
def test_each_phase_has_its_time(phase: Phase, seconds: int | None) -> None:
    watch = Watch()
    looks = [watch.look(phase, 1, 0, 1.0, LONGEST) for _ in range(200)]
    assert looks.index(True) == seconds if seconds is not None else not any(looks)


def test_a_body_has_to_get_on_and_fast_enough() -> None:
    def looks(each: int) -> list[bool]:
        watch = Watch()
        return [watch.look(Phase.BODY, 1, number * each, 1.0, LONGEST) for number in range(1000)]

    assert not any(looks(SLOWEST))
    assert looks(1).index(True) == 11
    assert 20 <= looks(SLOWEST // 2).index(True) <= 30


def test_a_new_request_has_its_own_time() -> None:
    watch = Watch()
    assert not any(watch.look(Phase.BODY, number, 0, 6.0, LONGEST) for number in range(100))


@pytest.mark.parametrize(
    ("peer", "counted"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_an_address_of_ipv6_is_a_network(peer: str, counted: str) -> None:
    assert counted_address(peer) == counted


@pytest.mark.parametrize(
    ("soft", "hard", "wanted", "raised", "places"),
    [
        (256, 4096, 0, 4096, 3968),
        (256, 1_000_000, 0, 10_128, 10_000),
        (1024, 1024, 0, None, 896),
        (64, 64, 0, None, 48),
        (1024, 1024, 100, None, 100),
        (256, 100_000, 20_000, 20_128, 20_000),
        (resource.RLIM_INFINITY, resource.RLIM_INFINITY, 0, None, 10_000),
    ],
)
def test_places_follow_from_the_limit_of_descriptors(
    soft: int, hard: int, wanted: int, raised: int | None, places: int
) -> None:
    with (
        mock.patch("resource.getrlimit", return_value=(soft, hard)),
        mock.patch("resource.setrlimit") as setting,
    ):
        assert connections(wanted) == places
    expected = [] if raised is None else [mock.call(resource.RLIMIT_NOFILE, (raised, hard))]
    assert setting.call_args_list == expected
