from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import cli_run
from oggstream.daemon import warmth
from oggstream.sources.http import dialling

FIXTURE = Path(__file__).parent / "fixtures" / "generation_a.opus"
SESSION = """
import sys
from oggstream.__main__ import main
from oggstream.cli.commands.session import COMMANDS
from oggstream.cli.main import run
from oggstream.daemon import client, warmth
warmth.load(tuple(f"oggstream.{name}" for name in COMMANDS))
before = set(sys.modules)
main(sys.argv[1:])
print(*sorted(name for name in sys.modules if name.startswith("oggstream.") and name not in before), file=sys.stderr)
"""


def test_a_session_loads_nothing_on_its_way() -> None:
    command = [sys.executable, "-c", SESSION, "play", str(FIXTURE), "--sink", "null", "--quiet", "--history", "none"]
    done = subprocess.run(command, env=cli_run.environment(), capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == ""


def test_the_client_loads_nothing_heavy() -> None:
    code = "import sys, oggstream.__main__, oggstream.daemon.client, oggstream.daemon.link; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-S", "-c", code], env=ours(), capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not loaded & {"typing", "re", "argparse", "asyncio", "socket", "json", "contextlib", "oggstream.cli"}


def ours() -> dict[str, str]:
    """An environment in which our package is found without the site module."""
    return {**cli_run.environment(), "PYTHONPATH": str(Path(__file__).parents[1] / "src")}


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://example.com/v1/audio/speech?key=4711", "https://example.com:443"),
        ("https://user:password@example.com:8443/v1", "https://example.com:8443"),
        ("http://127.0.0.1:8880/v1", ""),  # near, and perhaps one connection at a time
        ("", ""),
    ],
)
def test_connection_ahead_leads_to_the_origin_of_a_service_with_tls(
    url: str, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialling, "_answered", [])
    if url:
        dialling.answered(url)
    assert warmth.place_to_dial() == place
