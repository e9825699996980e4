"""The package as a whole: the cost of an import, the direction of imports, and the content of a wheel."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

import oggstream
from oggstream.sinks import native
from speech_server import serving, speaking

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
HEAVY = {
    "aiohttp",
    "asyncio",
    "av",
    "espeakng_loader",
    "httpx",
    "httpx2",
    "numpy",
    "openai",
    "opuslib",
    "sounddevice",
    "soxr",
}


def python(*arguments: str) -> str:
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def modules_after(statement: str) -> set[str]:
    return set(python("-c", f"{statement}; import sys; print(*sys.modules)").split())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Build a wheel with the build backend that is here, so without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    python("-c", f"import hatchling.build as build; build.build_wheel({str(folder)!r})")
    (path,) = folder.glob("*.whl")
    return zipfile.ZipFile(path)


def test_import_loads_nothing_heavy() -> None:
    assert not modules_after("import oggstream") & HEAVY


@pytest.mark.parametrize("name", ["errors", "events", "options"])
def test_modules_at_the_bottom_load_nothing_heavy(name: str) -> None:
    assert not modules_after(f"import oggstream.{name}") & HEAVY


LATER = {
    "aiohttp",
    "attr",
    "http.client",
    "multidict",
    "numpy",
    "opuslib",
    "sounddevice",
    "soxr",
    "urllib.request",
    "yarl",
}
"""What a speech from the command line loads after its request is out, if at all."""

SAY = """
import sys
from oggstream.cli import foreseen
foreseen.foreseen = lambda args: None  # what is loaded before a request is out that is asked for as usual
from oggstream.sources.http.direct import Exchange
run = Exchange.run
Exchange.run = lambda self, connection: (print(*sys.modules, flush=True), run(self, connection))
from oggstream.__main__ import main
main(["say", "Hello.", "--sink", "null", "--history", "none", "--base-url", sys.argv[1]])
"""


async def test_nothing_heavy_is_loaded_before_the_request_is_out() -> None:
    async with serving(speaking(b"OggS")) as service:
        command = [sys.executable, "-c", SAY, service.base]
        process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        out, _ = await process.communicate()
    loaded = set(out.decode().splitlines()[0].split())
    assert "oggstream.sources.http.client" in loaded
    assert not loaded & LATER


def test_every_public_name_is_there() -> None:
    for name in oggstream.__all__:
        assert getattr(oggstream, name) is not None, name


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        oggstream.no_such_name  # noqa: B018 - looking is the test


def test_version_is_that_of_the_distribution() -> None:
    assert metadata.version("oggstream") == PROJECT["version"] == oggstream.__version__


def test_imports_go_down_only() -> None:
    python("-c", "from importlinter.cli import lint_imports_command as main; main(['--no-cache'])")


def test_wheel_holds_modules_and_their_tables_the_types_marker_and_the_license_and_nothing_else(
    wheel: zipfile.ZipFile,
) -> None:
    source = ROOT / "src"
    modules = {path.relative_to(source).as_posix() for path in source.rglob("*.py")}
    tables = {path.relative_to(source).as_posix() for path in source.rglob("*.toml")}
    info = f"oggstream-{PROJECT['version']}.dist-info"
    inside = {name for name in wheel.namelist() if not name.startswith(f"{info}/")}
    page = {path.relative_to(source).as_posix() for path in (source / "oggstream/endpoint/live/page").iterdir()}

    assert inside - {f"oggstream/sinks/{native.NAME}"} == modules | tables | page | {"oggstream/py.typed"}
    assert f"{info}/licenses/LICENSE" in wheel.namelist()


def test_wheel_declares_its_command_and_its_needs(wheel: zipfile.ZipFile) -> None:
    info = f"oggstream-{PROJECT['version']}.dist-info"
    declared = wheel.read(f"{info}/METADATA").decode()
    commands = wheel.read(f"{info}/entry_points.txt").decode()

    assert "oggstream = oggstream.__main__:main" in commands
    for requirement in PROJECT["dependencies"]:
        assert f"Requires-Dist: {requirement}" in declared
    for extra in PROJECT["optional-dependencies"]:
        assert f"Provides-Extra: {extra}" in declared
