"""The command line of tools/compare."""

from __future__ import annotations

import argparse
import csv
import datetime as dt
import platform
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import PackageNotFoundError
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402

from tools.comparing.players import PLAYERS, Outcome, Pcm, Player, play, play_here  # noqa: E402  # see the line above

FOLDER = ROOT / "tests" / "fixtures" / "damage"
QUIET = 10 ** (-9 / 20)  # the largest error relative to the signal: FFmpeg's own decoder is at -11 dB on whole streams
SETTLED = 12000  # samples after a hole in which decoders differ
RIGHT = "right"

INTRODUCTION = """\
# Damaged and odd streams, and what decoders make of them

Each decoder plays every stream of `tests/fixtures/damage` from memory or from a file, in the way that its documentation
shows. `tools/make_damage.py` makes the streams. `expected.tsv` in that folder says what each must give by RFC 3533,
6716, 7845 and 8486.

- **right**: the expected length and the expected sound; or a refusal, where there is nothing to play.
- **+100 ms**, **-100 ms**: this much more or less sound than expected. A lost page that is not concealed moves all
  later sound to an earlier time. A repeated page that is played is heard twice.
- **other sound**: the expected length, but another sound (error above -9 dB of the signal). What fills a hole, and the
  quarter of a second after it, is not compared.
- **plays it**: the stream should be refused. FFmpeg and PyAV play MP3 and WAV correctly, which are not Ogg Opus.
- **refused**: nothing is played, though something could be. **error**: the decoder stopped with an undocumented
  exception. **crash**, **hang**: the decoder ended the process, or did not return.
"""


def main() -> int:
    """Compare, and print the page; return the exit status."""
    options = _parser().parse_args()
    if options.play:
        return play_here(options.play, options.file)
    installed = [(player, found) for player in PLAYERS if (found := _version(player))]
    print("\n".join(_page(installed, options.only)))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tools/compare",
        description="Plays every stream of tests/fixtures/damage with oggstream, opusfile, FFmpeg, PyAV and sphn, "
        "those that are installed, and prints what each makes of it, in Markdown.",
        epilog="docs/damage.md is its output: tools/compare > docs/damage.md",
    )
    parser.add_argument("--only", metavar="WORD", default="", help="only streams whose name holds it")
    parser.add_argument("--play", choices=[player.name for player in PLAYERS], help=argparse.SUPPRESS)
    parser.add_argument("file", nargs="?", type=Path, help=argparse.SUPPRESS)
    return parser


def _version(player: Player) -> str:
    """Return the version of a player; empty if it is missing, with a hint on standard error how to install it."""
    try:
        return player.version()
    except (OSError, PackageNotFoundError):
        print(f"{player.name} is not installed: {player.install}", file=sys.stderr)
        return ""


def _page(installed: list[tuple[Player, str]], only: str) -> Iterator[str]:
    yield INTRODUCTION
    today = dt.datetime.now(dt.UTC).date()
    yield f"{today}, {platform.system()} {platform.machine()}, {_processor()}, Python {platform.python_version()}:"
    yield ", ".join(f"{player.name} {found}" for player, found in installed) + ".\n"
    names = [player.name for player, _ in installed]
    yield "| what | stream | " + " | ".join(names) + " |"
    yield "|" + "---|" * (len(names) + 2)
    right = dict.fromkeys(names, 0)
    count = 0
    for row in _rows():
        if only in row["file"]:
            cells = _cells(row, [player for player, _ in installed])
            count += 1
            for name, cell in zip(names, cells, strict=True):
                right[name] += cell == RIGHT
            yield f"| {row['group']}: {row['what']} | `{row['file'].removesuffix('.opus')}` | {' | '.join(cells)} |"
    yield f"| **right** | {count} streams | " + " | ".join(f"**{right[name]}**" for name in names) + " |"


def _processor() -> str:
    """The name of the processor, if the system provides it."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown processor"


def _rows() -> list[dict[str, str]]:
    with (FOLDER / "expected.tsv").open(newline="", encoding="utf-8") as table:
        return list(csv.DictReader(table, delimiter="\t"))


def _cells(row: dict[str, str], players: list[Player]) -> list[str]:
    outcomes = [play(player, FOLDER / row["file"]) for player in players]
    print(".", end="", file=sys.stderr, flush=True)
    reference = _reference(row)
    return [judge(row, outcome, reference) for outcome in outcomes]


def judge(row: dict[str, str], outcome: Outcome, reference: Pcm | None) -> str:
    """Describe in a word or two how an outcome differs from the expectation of a row of the table."""
    if row["error"]:
        return "plays it" if len(outcome.pcm) else outcome.failure if outcome.failure not in ("", "refused") else RIGHT
    if outcome.failure:
        return outcome.failure
    expected = sum(map(int, row["samples"].split(",")))
    if len(outcome.pcm) != expected:
        more = len(outcome.pcm) - expected
        return f"{'+' if more > 0 else '-'}{_milliseconds(abs(more))}"
    return RIGHT if reference is None or _alike(outcome.pcm, reference) else "other sound"


def _reference(row: dict[str, str]) -> Pcm | None:
    """Return the expected samples of a stream, its holes as NaN; None if nothing is expected."""
    from oggstream.codec.frame_decoder import FrameDecoder
    from oggstream.opus.opus_reader import OpusReader

    if row["error"] or len(set(row["channels"].split(","))) > 1:  # others mix all links to the first one's channels
        return None
    reader, decoder = OpusReader(), FrameDecoder()
    items = [*reader.feed((FOLDER / row["file"]).read_bytes()), *reader.finish()]
    frames = [frame for item in items for frame in decoder.decode(item)] + decoder.finish()
    pcm = np.concatenate([np.zeros(0, np.float32), *(frame.pcm[:, 0] for frame in frames)])
    for frame in frames:
        if frame.concealed:
            pcm[frame.position : frame.position + len(frame.pcm) + SETTLED] = np.nan
    return pcm


def _alike(pcm: Pcm, reference: Pcm) -> bool:
    heard = ~np.isnan(reference)
    error = np.sqrt(np.mean((pcm[heard] - reference[heard]) ** 2)) if heard.any() else 0.0
    return bool(error <= QUIET * max(np.sqrt(np.mean(reference[heard] ** 2)) if heard.any() else 0.0, 1e-3))


def _milliseconds(samples: int) -> str:
    return f"{round(samples / 48, 1):g} ms"


if __name__ == "__main__":
    sys.exit(main())
