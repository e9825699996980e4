"""The stand-ins of the tests, for the benchmarks."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

_TESTS = str(Path(__file__).parents[2] / "tests")


def of_tests(module: str) -> Any:
    """A module of the tests."""
    if _TESTS not in sys.path:
        sys.path.append(_TESTS)
    return import_module(module)
