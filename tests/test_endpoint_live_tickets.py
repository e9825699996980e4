"""Tickets for listening in a room without a key."""

from __future__ import annotations

import pytest

from oggstream.endpoint.live.tickets import Tickets

NOW = 1_000_000.0


def test_a_ticket_admits_to_its_room_and_to_no_other() -> None:
    tickets = Tickets(lambda: NOW)
    ticket = tickets.make("kitchen", 60)
    assert tickets.admits("kitchen", ticket)
    assert not tickets.admits("hall", ticket)


def test_a_ticket_ends() -> None:
    now = NOW
    tickets = Tickets(lambda: now)
    ticket = tickets.make("kitchen", 60)
    now += 60
    assert not tickets.admits("kitchen", ticket)


def test_a_ticket_of_another_server_is_none() -> None:
    assert not Tickets(lambda: NOW).admits("kitchen", Tickets(lambda: NOW).make("kitchen", 60))


@pytest.mark.parametrize("change", [lambda t: t[:-1], lambda t: t.replace("live.1", "live.2"), lambda t: t + "0"])
def test_a_ticket_that_was_changed_is_none(change: object) -> None:
    tickets = Tickets(lambda: NOW)
    assert callable(change)
    assert not tickets.admits("kitchen", change(tickets.make("kitchen", 60)))


@pytest.mark.parametrize(
    "ticket", ["", "live", "live.", "live..", "live.x.y", "live.²." + "0" * 64, "live." + "9" * 99, "é"]
)
def test_what_is_no_ticket_admits_nobody(ticket: str) -> None:
    assert not Tickets(lambda: NOW).admits("kitchen", ticket)
