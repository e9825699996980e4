"""Streams with odd links, positions and packets."""

from __future__ import annotations

from oggstream.opus.head import OpusHead
from oggstream.opus.tags import OpusTags

from .build import (
    BOS,
    END,
    EOS,
    HEAD,
    LENGTH,
    PACKETS,
    PAGE,
    PRE_SKIP,
    SAMPLES,
    TAGS,
    WHOLE,
    Case,
    cases,
    link,
    packets,
    page,
)

SHORT = 20 * SAMPLES - PRE_SKIP
VORBIS = b"\x01vorbis" + bytes(23)
STEREO = OpusHead.simple(2, PRE_SKIP, 24000)


def _short(serial: int = 1, **options: object) -> list[bytes]:
    return link(packets(20), serial=serial, **options)  # type: ignore[arg-type]


def _stereo(serial: int = 2) -> list[bytes]:
    return link(packets(20, 2), head=STEREO, serial=serial)


@cases
def chains() -> list[Case]:
    """Chained links, and multiplexed streams."""
    group = "chain"
    vorbis = [page(VORBIS, serial=9, flags=BOS), page(b"\x03vorbis", number=1, serial=9, flags=EOS)]
    refused = [page(bytes(HEAD._replace(version=16)), serial=8, flags=BOS), *_short(8)[1:]]
    surround = OpusHead(0, 1, 3, PRE_SKIP, 48000, 0, 1, 2, 1, bytes((0, 2, 1)))
    three = [_join(one, two) for one, two in zip(packets(20, 2), packets(20), strict=True)]
    mixed = [part for pair in zip(_short(), _short(5), strict=True) for part in pair]
    two = f"{SHORT},{SHORT}"
    return [
        Case("chain", group, "two links", b"".join([*_short(), *_short(2)]), 2, "1,1", two),
        Case("chain_no_eos", group, "the first one without EOS", b"".join([*_short(eos=False), *_short(2)]),
             2, "1,1", two),
        Case("chain_same_serial", group, "a server that starts over in the middle, under the same serial number",
             b"".join([*_short()[:4], *_short()]), 2, "1,1", f"{2 * PAGE - PRE_SKIP},{SHORT}"),
        Case("chain_channels", group, "mono, stereo, 3 channels, mono",
             b"".join([*_short(), *_stereo(), *link(three, head=surround, serial=3), *_short(4)]),
             4, "1,2,3,1", ",".join([str(SHORT)] * 4)),
        Case("chain_empty_link", group, "a link without audio in between",
             b"".join([*_short(), *_short(5)[:2], *_short(2)]), 2, "1,1", two),
        Case("chain_vorbis_first", group, "Vorbis, then Opus", b"".join([*vorbis, *_short()]), 1, "1", str(SHORT)),
        Case("chain_vorbis_between", group, "Vorbis between two links of Opus",
             b"".join([*_short(), *vorbis, *_stereo()]), 2, "1,2", two),
        Case("chain_refused_between", group, "a link that cannot be played between two that can",
             b"".join([*_short(), *refused, *_stereo()]), 2, "1,2", two),
        Case("chain_cut_link", group, "the first link is cut within a page",
             b"".join([*_short()])[:-30] + b"".join(_stereo()), 2, "1,2", f"{15 * SAMPLES - PRE_SKIP},{SHORT}"),
        Case("mux_two_opus", group, "two streams of Opus side by side: the first one is played", b"".join(mixed),
             1, "1", str(SHORT)),
        Case("mux_other", group, "another stream side by side",
             b"".join([page(VORBIS, serial=9, flags=BOS), *_short()[:4], page(b"?", number=1, serial=9),
                       *_short()[4:]]), 1, "1", str(SHORT)),
    ]  # fmt: skip


def _join(first: bytes, second: bytes) -> bytes:
    """Return a packet of two streams (RFC 6716 appendix B); both of code 0."""
    size = len(first) - 1
    length = bytes((size,)) if size < 252 else bytes((252 + size % 4, (size - 252 - size % 4) // 4))
    return first[:1] + length + first[1:] + second


def _placed(granules: list[int], *, eos: bool = True, head: OpusHead = HEAD) -> bytes:
    """Return a link of pages of 5 packets with these granule positions."""
    pages = [page(bytes(head), flags=BOS), page(bytes(TAGS), number=1)]
    for number, granule in enumerate(granules):
        flags = EOS if eos and number == len(granules) - 1 else 0
        pages.append(page(*packets()[number * 5 : number * 5 + 5], number=2 + number, granule=granule, flags=flags))
    return b"".join(pages)


@cases
def positions() -> list[Case]:
    """RFC 7845 section 4: pre-skip, end trim, and impossible positions."""
    group = "positions"
    usual = [PAGE * (number + 1) for number in range(12)]
    silent = HEAD._replace(pre_skip=65535)
    return [
        Case("no_eos", group, "no page has EOS: nothing is trimmed", _placed(usual, eos=False), samples=str(WHOLE)),
        Case("live_join", group, "the stream begins at 1000 s", _placed([48_000_000 + at for at in usual]),
             samples=str(WHOLE)),
        Case("pre_skip_0", group, "no pre-skip", _placed(usual, head=HEAD._replace(pre_skip=0)),
             samples=str(PACKETS * SAMPLES)),
        Case("pre_skip_65535", group, "the longest pre-skip, over many pages",
             b"".join(link(packets(80), head=silent, end=80 * SAMPLES)), samples=str(80 * SAMPLES - 65535)),
        Case("pre_skip_longer", group, "a pre-skip longer than the stream", _placed(usual, head=silent), samples="0"),
        Case("trim_packets", group, "end trim over four packets", _placed([*usual[:11], usual[10] + 700]),
             samples=str(11 * PAGE + 700 - PRE_SKIP)),
        Case("trim_all", group, "end trim of the whole last page", _placed([*usual[:11], usual[10]]),
             samples=str(11 * PAGE - PRE_SKIP)),
        Case("trim_too_much", group, "a last position before that of the page before: earlier pages stay",
             _placed([*usual[:11], 1000]), samples=str(11 * PAGE - PRE_SKIP)),
        Case("eos_too_large", group, "a last position that is too large", _placed([*usual[:11], 10**9]),
             samples=str(WHOLE)),
        Case("eos_below_pre_skip", group, "an only page that ends before the pre-skip does", _placed([100]),
             samples=str(PAGE - PRE_SKIP)),
        Case("eos_nil_page", group, "a last page without packets",
             _placed(usual, eos=False) + page(number=14, granule=usual[-1], flags=EOS), samples=str(WHOLE)),
        Case("after_eos", group, "pages after the one with EOS",
             _placed(usual[:6]) + b"".join(link()[8:]), samples=str(LENGTH)),
        Case("granule_missing", group, "a position of -1 on every page", _placed([-1] * 12), samples=str(WHOLE)),
        Case("granule_first_small", group, "a first position below the samples of its page",
             _placed([at - 1000 for at in usual]), samples=str(WHOLE)),
    ]  # fmt: skip


@cases
def packets_() -> list[Case]:
    """RFC 6716 section 3: durations, packing, and malformed packets."""
    group = "packets"
    good = packets()
    pairs = [bytes((one[0] | 2,)) + _length(len(one) - 1) + one[1:] + two[1:]
             for one, two in zip(good[::2], good[1::2], strict=True)]  # fmt: skip
    sixes = [b"".join([bytes((good[at][0] | 3, 0x86)), *(_length(len(part) - 1) for part in good[at : at + 5]),
                       *(part[1:] for part in good[at : at + 6])]) for at in range(0, PACKETS, 6)]  # fmt: skip
    padded = bytes((good[30][0] | 3, 0x41)) + b"\xff" * 40 + b"\0" + good[30][1:] + bytes(40 * 254)
    tocs = [bytes((good[0][0],)) if at % 3 == 2 else part for at, part in enumerate(good)]
    tiny = [bytes((0xE0,)) + part[1:] for part in packets(60, 1, 48000, "audio")]
    return [
        Case("packets_40ms", group, "two frames a packet (code 2)", b"".join(link(pairs, samples=1920, end=END)),
             samples=str(LENGTH)),
        Case("packets_120ms", group, "six frames a packet (code 3)", b"".join(link(sixes, samples=5760, end=END)),
             samples=str(LENGTH)),
        Case("packets_2_5ms", group, "2.5 ms a packet", b"".join(link(tiny, samples=120, end=7200)),
             samples=str(7200 - PRE_SKIP)),
        Case("dtx", group, "every third packet is a TOC byte alone", b"".join(link(tocs)), samples=str(LENGTH)),
        _with("packet_empty", "an empty packet: it is no packet", b"", bad_packets=0),
        _with("packet_r2", "rule R2: a frame of 1276 bytes", bytes((good[0][0],)) + bytes(1276)),
        _with("packet_r3", "rule R3: two equal frames in an even number of bytes", bytes((good[0][0] | 1, 1))),
        _with("packet_r4", "rule R4: a first frame longer than the packet", bytes((good[0][0] | 2, 200, 1))),
        _with("packet_r5", "rule R5: a packet of 0 frames", bytes((good[0][0] | 3, 0, 1))),
        _with("packet_r5_long", "rule R5: a packet of 140 ms", bytes((good[0][0] | 3, 7)) + bytes(7)),
        _with("packet_r6", "rule R6: padding longer than the packet", bytes((good[0][0] | 3, 0x41, 200, 1))),
        _with("packet_r7", "rule R7: frame lengths longer than the packet", bytes((good[0][0] | 3, 0x83, 100, 100, 1))),
        Case("packet_10k", group, "a packet with 10 KB of padding",
             b"".join([*link()[:8], page(padded, number=8, granule=6 * PAGE + SAMPLES), *_renumbered(31, 9)]),
             samples=str(LENGTH)),
        Case("mono_head_stereo", group, "stereo packets in a mono stream", b"".join(link(packets(20, 2))),
             samples=str(SHORT)),
    ]  # fmt: skip


def _length(size: int) -> bytes:
    """Return the length of a frame (RFC 6716 section 3.2.1)."""
    return bytes((size,)) if size < 252 else bytes((252 + size % 4, (size - 252 - size % 4) // 4))


def _with(name: str, what: str, packet: bytes, bad_packets: int = 1) -> Case:
    """Return a stream with one more packet on its fourth page of audio."""
    parts = packets()
    pages = link()
    pages[5] = page(*parts[15:18], packet, *parts[18:20], number=5, granule=4 * PAGE)
    return Case(name, "bad packets", what, b"".join(pages), samples=str(LENGTH), bad_packets=bad_packets)


def _renumbered(first: int, number: int) -> list[bytes]:
    """Return pages of the packets from ``first`` on."""
    parts = packets()
    pages: list[bytes] = []
    for at in range(first, PACKETS, 5):
        last = at + 5 >= PACKETS
        granule = END if last else (at + 5) * SAMPLES
        pages.append(page(*parts[at : at + 5], number=number + len(pages), granule=granule, flags=EOS * last))
    return pages


@cases
def gains() -> list[Case]:
    """RFC 7845 section 5.1: the output gain is always applied."""
    quiet = HEAD._replace(output_gain=-6 * 256)
    tags = OpusTags("oggstream", ("R128_TRACK_GAIN=-1280", "R128_ALBUM_GAIN=512"))
    return [
        Case("gain", "gain", "an output gain of -6 dB", b"".join(link(packets(20), head=quiet)), samples=str(SHORT)),
        Case("gain_r128", "gain", "R128 gains, which are applied on request only",
             b"".join([link()[0], page(bytes(tags), number=1), *link()[2:]])),
    ]  # fmt: skip
