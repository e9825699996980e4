"""Pages that are damaged, lost, repeated, out of order, or mixed with other data."""

from __future__ import annotations

import struct

from .build import (
    BOS,
    CONTINUED,
    END,
    EOS,
    HEAD,
    LAST,
    LENGTH,
    PACKETS,
    PAGE,
    PRE_SKIP,
    SAMPLES,
    WHOLE,
    Case,
    cases,
    damaged,
    link,
    packets,
    page,
    raw_page,
    resealed,
    spread,
)

MINUS_LAST = LENGTH - LAST


@cases
def checksums() -> list[Case]:
    """RFC 3533 section 6: data without a matching checksum is not a page."""
    group = "damaged page"
    good = link()
    huge = good[7][:26] + b"\xff" + good[7][27:]
    other = resealed(good[7][:4] + b"\x01" + good[7][5:])
    hole = {"holes": 1, "concealed": PAGE}
    return [
        Case("clean", "nothing", "as it should be", b"".join(good)),
        _swap("crc_body", group, "a bit in a page's body", good, 7, damaged(good[7]), **hole),
        _swap("crc_granule", group, "a bit in a granule position", good, 7, damaged(good[7], 8), **hole),
        _swap("crc_capture", group, "a bit in a capture pattern", good, 7, damaged(good[7], 2), **hole),
        _swap("crc_segments", group, "a segment table that claims more than is left", good, 7, huge, **hole),
        _swap("crc_first", group, "the first audio page: nothing to conceal before it",
              good, 2, damaged(good[2]), samples=str(LENGTH - PAGE)),
        _swap("crc_last", group, "the last page, with EOS", good, 13, damaged(good[13]), samples=str(MINUS_LAST)),
        _swap("crc_tags", group, "the page of the tags", good, 1, damaged(good[1])),
        _swap("version", group, "a page of another version of Ogg", good, 7, other, **hole),
        Case("crc_two_apart", group, "two pages, with good ones between",
             b"".join([*good[:5], damaged(good[5]), *good[6:9], damaged(good[9]), *good[10:]]),
             holes=2, concealed=2 * PAGE),
    ]  # fmt: skip


def _swap(  # noqa: PLR0917  # like a row of the table
    name: str, group: str, what: str, good: list[bytes], at: int, other: bytes, **expected: object
) -> Case:
    return Case(name, group, what, b"".join([*good[:at], other, *good[at + 1 :]]), **expected)  # type: ignore[arg-type]


@cases
def cuts_and_junk() -> list[Case]:
    """Truncated streams, and streams with foreign data."""
    good = link()
    whole = b"".join(good)
    false = struct.pack("<4sBBqIIIB", b"OggS", 0, 0, 0, 1, 0, 0, 255)
    last = sum(map(len, good[:13]))
    inner = [*packets()[:20], b"\x08" + page(b"not a page", number=9), *packets()[21:]]
    return [
        Case("cut_body", "cut", "the end is missing, within a page", whole[:-40], samples=str(MINUS_LAST)),
        Case("cut_header", "cut", "the end is missing, within a page's header",
             whole[: last + 10], samples=str(MINUS_LAST)),
        Case("cut_pages", "cut", "the end is missing, between pages", whole[:last], samples=str(MINUS_LAST)),
        Case("cut_start", "cut", "the start is missing: pages of a stream that never began", b"".join(good[2:]),
             0, "", "", error="NoAudioError", says="audio"),
        Case("junk_before", "junk", "1000 bytes before the first page", bytes(range(250)) * 4 + whole),
        Case("junk_between", "junk", "100 bytes between pages, none of which is missing",
             b"".join([*good[:7], b"junk" * 25, *good[7:]])),
        Case("junk_capture", "junk", "a capture pattern between pages that claims the rest",
             b"".join([*good[:7], false, *good[7:]])),
        Case("junk_after", "junk", "200 bytes behind the last page", whole + b"\0" * 200),
        Case("page_in_packet", "junk", "a packet that holds a page", b"".join(link(inner))),
    ]  # fmt: skip


@cases
def order() -> list[Case]:
    """Page numbers: a gap is a lost page, a repeated page is skipped."""
    good = link()
    half = (PACKETS // 2) * SAMPLES
    restarted = [
        page(*packets()[at : at + 5], number=at // 5 - 6, granule=min(END, (at + 5) * SAMPLES), flags=4 * (at == 55))
        for at in range(30, PACKETS, 5)
    ]
    jumped = [
        page(*packets()[at : at + 5], number=2 + at // 5, granule=(at + 5) * SAMPLES + (96000 if at >= 30 else 0))
        for at in range(0, PACKETS, 5)
    ]
    wrapped = [resealed(part[:18] + struct.pack("<I", (number - 7) % 2**32) + part[22:])
               for number, part in enumerate(good)]  # fmt: skip
    flagged = [resealed(part[:5] + bytes((part[5] | 0xF8,)) + part[6:]) for part in good]
    long = link(packets(160), end=160 * SAMPLES)
    return [
        Case("lost_page", "lost page", "one page", b"".join([*good[:7], *good[8:]]), holes=1, concealed=PAGE),
        Case("lost_pages", "lost page", "three pages in a row", b"".join([*good[:5], *good[8:]]),
             holes=1, concealed=3 * PAGE),
        Case("lost_long", "lost page", "2.5 s: two are concealed", b"".join([*long[:3], *long[28:]]),
             samples=str(160 * SAMPLES - PRE_SKIP - 24000), holes=1, concealed=96000),
        Case("lost_before_eos", "lost page", "the page before a last one that trims",
             b"".join([*good[:12], good[13]]), holes=1, concealed=LAST),
        Case("lost_before_end", "lost page", "the last packets, before a last page without any",
             b"".join([*link(eos=False)[:13], page(number=14, granule=END, flags=EOS)]), holes=1, concealed=LAST),
        Case("repeated_page", "repeated page", "one page twice", b"".join([*good[:7], good[6], *good[7:]])),
        Case("repeated_pages", "repeated page", "three pages twice", b"".join([*good[:8], *good[5:8], *good[8:]])),
        Case("swapped_pages", "late page", "two pages in the wrong order",
             b"".join([*good[:6], good[7], good[6], *good[8:]]), holes=1, concealed=PAGE),
        Case("numbers_restart", "page numbers", "they begin again at 0", b"".join([*good[:8], *restarted])),
        Case("numbers_wrap", "page numbers", "they pass 2^32", b"".join(wrapped)),
        Case("granule_jump", "page numbers", "the position jumps by 2 s, no page is missing",
             b"".join([*good[:2], *jumped]), samples=str(WHOLE)),
        Case("serial_change", "page numbers", "another serial number from the middle on, without a BOS page",
             b"".join([*good[:8], *(resealed(part[:14] + b"\2" + part[15:]) for part in good[8:])]),
             samples=str(half - PRE_SKIP)),
        Case("reserved_flags", "page numbers", "reserved flag bits are set", b"".join(flagged)),
        Case("nil_pages", "page numbers", "pages without packets, some with a position of -1", b"".join(_with_nil())),
    ]  # fmt: skip


def _with_nil() -> list[bytes]:
    pages = link()[:2]
    for at in range(0, PACKETS, 5):
        last = at == PACKETS - 5
        granule = END if last else (at + 5) * SAMPLES
        flags = EOS if last else 0
        pages.append(page(*packets()[at : at + 5], number=len(pages), granule=granule, flags=flags))
        if not last:
            pages.append(page(number=len(pages), granule=-1 if at % 2 else granule))
    return pages


@cases
def continued() -> list[Case]:
    """RFC 7845 section 3: an incomplete packet is not decoded, and not joined with other data."""
    parts = packets(30, 1, 128000, "audio")
    good = [*link()[:2], *spread(parts, 7, end=30 * SAMPLES)]
    length = str(30 * SAMPLES - PRE_SKIP)
    lost = next(at for at in range(6, len(good)) if good[at][5] & CONTINUED)
    gone = _packets_touched(good, lost)
    normal = link()
    spurious = resealed(normal[7][:5] + bytes((CONTINUED,)) + normal[7][6:])
    open_end = raw_page(normal[7][27:32] + b"\xff", normal[7][32:] + bytes(255), number=7, granule=6 * PAGE)
    # Padding of 254 bytes and more (RFC 6716 section 3.2.5) makes every packet 510 bytes long.
    exact = [bytes((part[0] | 3, 0x41, 255, 253 - len(part))) + part[1:] for part in packets(20)]
    exact = [part.ljust(510, b"\0") for part in exact]
    return [
        Case("continued", "continued packets", "packets that run across pages of 7 segments", b"".join(good),
             samples=length),
        Case("continued_lost", "continued packets", "the same, a page in the middle lost",
             b"".join([*good[:lost], *good[lost + 1 :]]), samples=length, holes=1, concealed=gone * SAMPLES),
        _swap("continued_spurious", "continued packets", "a page that continues a packet which was whole",
              normal, 7, spurious, holes=1, concealed=SAMPLES),
        _swap("continued_never", "continued packets", "a packet whose end does not come", normal, 7, open_end),
        Case("multiples_of_255", "continued packets", "packets of 510 bytes, across pages of 4 segments",
             b"".join([*link()[:2], *spread(exact, 4, end=20 * SAMPLES)]), samples=str(20 * SAMPLES - PRE_SKIP)),
        Case("bos_continued", "continued packets", "a first page that claims to continue a packet",
             b"".join([page(bytes(HEAD), flags=BOS | CONTINUED), *normal[1:]])),
    ]  # fmt: skip


def _packets_touched(pages: list[bytes], lost: int) -> int:
    """Count the packets that have a part on a page."""
    table = pages[lost][27 : 27 + pages[lost][26]]
    return sum(value < 255 for value in table) + (table[-1] == 255)
