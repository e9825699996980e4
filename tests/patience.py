"""How long tests wait for what happens in an instant: on a busy machine it takes longer, and then it is no failure."""

from __future__ import annotations

PATIENCE = 60.0
"""Seconds. Each test has a limit of its own, too: of time, and of the CPU's time (see conftest.py)."""
