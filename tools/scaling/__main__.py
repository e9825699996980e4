"""The program that tools/scale starts."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tools.scaling.main import main  # noqa: E402

sys.exit(main())
