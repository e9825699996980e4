"""Openings of answers in which no clause ends for long: what a cut at a word gains for the first sound."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from oggstream import PlaybackOptions, play_stream
from oggstream.sinks.null_sink import NullSink

from .model import ModelService, in_virtual_time, written
from .row import Outcome, Row, Run
from .stats import percentile

TOKENS_A_SECOND = 30
CUT = 70
EARLIER = 0.3

_TEXT = """
The short answer to the question that you have asked me about the opening hours of the museum in the old town is
that nobody really knows them.

Most of the people who have lived in this part of the country for more than twenty years will tell you that the
winters used to be much colder.

There is a small workshop behind the station where they still repair the kind of bicycle that your grandmother used
to ride to the market.

What you are describing sounds very much like a loose connection between the battery and the board that controls the
lamp on the left side.

The easiest way to get from the airport to the hotel without paying for a taxi is to take the bus that leaves from
the second platform every half hour.

A good first step would be to write down everything that you have eaten in the last three days together with the
times at which you felt unwell.

The reason why the second experiment gave a different result from the first one is most likely that the temperature
of the room had changed by then.

It usually takes the office between four and six weeks to send out the new papers after they have received your
signed application by post.

The recipe that my neighbour gave me last summer uses twice as much butter as the one that you will find in most of
the older books about baking.

Every single one of the devices on the list that you sent me can be connected to the same wire as long as the total
length stays below thirty metres.

I would suggest that you ask the person at the front desk whether the room on the third floor with the view over the
garden is still free.

The company announced yesterday evening that it would stop selling the older version of the program to schools and
libraries at the end of the year.

Nothing in the contract that you have shown me says that you have to pay for the repair of the heating before the
landlord has looked at it.

Anyone who wants to use the new reading room on the ground floor of the library needs a card that can be picked up
at the entrance every morning.

The two roads that lead up to the pass from the northern side of the valley are closed from the first snow until the
middle of April.

That sentence means roughly that the writer was no longer sure whether the friend he was waiting for would come to
the house that night.

The number that you see in the upper corner of the screen shows how many of the messages have been read by everybody
in your group so far.

Your train to the coast leaves from the platform at the far end of the station about ten minutes after the one from
the capital arrives.

The best time to plant the kind of tree that you have in mind is a cloudy day in the second half of October when the
ground is still warm.

We have looked through all of the records from that month and found no sign that anybody had changed the settings of
your account.
"""
OPENINGS = [" ".join(part.split()) for part in _TEXT.split("\n\n")]


async def first_sound(text: str, cut: int | None) -> float:
    """Seconds from the first token to the first sound."""
    service = ModelService("20ms", rate=6.0, first=0.15)
    service.traits = replace(service.traits, first_cut=cut)
    options = PlaybackOptions(history=None)
    report = await play_stream(written(text, TOKENS_A_SECOND), source=service, sink=NullSink(), options=options)
    assert report.timing.first_audible is not None
    return report.timing.first_audible - 1 / TOKENS_A_SECOND


def measure_openings(run: Run) -> Outcome:
    """The same service, with a cut at any word and without: all else is equal."""
    some = OPENINGS[: run.count(len(OPENINGS), least=2)]
    with_cut, without = ([in_virtual_time(partial(first_sound, text, cut)) for text in some] for cut in (CUT, None))
    early, late = percentile(with_cut, 90), percentile(without, 90)
    return Outcome(
        f"p90 {early:.2f} s, {late - early:.2f} s earlier than {late:.2f} s",
        late - early >= EARLIER,
        {"p90": early, "without": late},
    )


ROWS = [
    Row(
        "openings",
        "first token to first sound at 30 tokens/s, openings without a clause, one context with a cut at any word",
        f"{EARLIER:g} s earlier",
        measure_openings,
    ),
]
