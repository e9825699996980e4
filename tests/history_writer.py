"""A process that writes the history: `test_history` starts twenty of them at once.

Arguments: the history file, a number, and how many utterances to learn. Each process writes a key that all share and
one of its own.
"""

from __future__ import annotations

import sys

from oggstream.history import History
from oggstream.playout.habits import Habits, Utterance


def main(path: str, number: int, utterances: int) -> None:
    history = History(path)
    for _ in range(utterances):
        for key in ("shared", f"own {number}"):
            known = history.get(key) or Habits()
            history.put(key, known.with_utterance(Utterance(0.25, 0.2, 0.1, 13.0)))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
