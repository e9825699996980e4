"""Sets up the environment of tools/run and tools/test: system libraries, a virtual environment, its packages.

``main(["run"])`` prepares ``.venv``; ``main(["test", "newest"])`` prepares ``.venv-3.N`` for the newest Python found,
``main(["test", "all"])`` for the oldest too. The Python of each is printed on standard output, everything else on
standard error. Needs only the standard library. An environment with a current stamp is left unchanged.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from .machine import Python, SetupError, apt_install, has_opus, install_libraries, manual_command, pythons, quietly, say

ROOT = Path(__file__).resolve().parent.parent
STAMP = "oggstream.stamp"
INSTALLED_BY = (
    "tools/constraints.txt",
    "tools/prepare.py",
    "tools/machine.py",
    "tools/extension.py",
    "src/oggstream/sinks/callback.c",
)
UNFINISHED = b"unfinished\n"  # the stamp while an environment is made: if it remains, the environment is discarded


def run(command: list[str | Path], **options: object) -> bool:
    """Run a command, with its output on standard error; return whether it succeeded."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False, **options)  # type: ignore[call-overload]
    return bool(done.returncode == 0)


# The virtual environment


def stamp_for(folder: Path) -> bytes:
    """Return everything that an environment depends on; is_ready in python.sh makes the same bytes.

    The checkout's path (an editable installation contains it), the Python, the upper part of pyproject.toml (the
    dependencies, not the settings of tools), the constraints, these scripts, and the sources that are compiled.
    """
    python = os.path.realpath(program_in(folder))
    project = (ROOT / "pyproject.toml").read_bytes().partition(b"\n[tool")[0] + b"\n"
    head = f"{ROOT}\n{python}\n".encode()
    return head + project + b"".join((ROOT / name).read_bytes() for name in INSTALLED_BY)


def folder_for(kind: str, python: Python) -> Path:
    """Return the folder of the environment for running or testing."""
    return ROOT / (".venv" if kind == "run" else f".venv-{python.version[0]}.{python.version[1]}")


def program_in(folder: Path) -> Path:
    """Return the path of an environment's Python."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def prepare(folder: Path, kind: str, python: Python) -> Path:
    """Complete an environment if necessary; return its Python."""
    program = program_in(folder)
    stamp = folder / STAMP
    same_python = os.path.realpath(program) == python.path
    if same_python and stamp.exists() and stamp.read_bytes() == stamp_for(folder):
        return program
    began = time.monotonic()
    install_libraries(kind)
    if not same_python or not stamp.exists() or stamp.read_bytes() == UNFINISHED:
        make_environment(folder, python)
    stamp.write_bytes(UNFINISHED)
    install_packages(program, kind)
    compile_modules(program)
    stamp.write_bytes(stamp_for(folder))
    say(f"{folder.name} is ready after {time.monotonic() - began:.0f} s")
    return program


def make_environment(folder: Path, python: Python) -> None:
    """Make an empty environment with pip, and replace one of ours that is out of date."""
    if folder.exists() and not (folder / STAMP).exists():
        raise SetupError(f"{folder} was not made by this tool: move it away and run again")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / STAMP).write_bytes(UNFINISHED)
    say(f"making {folder.name} with Python {python.version[0]}.{python.version[1]}")
    package = f"python{python.version[0]}.{python.version[1]}-venv"
    if python.has_pip_bundle or (python.path.startswith("/usr/bin/") and apt_install([package])):
        if not run([python.path, "-m", "venv", folder]):
            raise SetupError(f"{python.path} cannot make a virtual environment; try another: PYTHON=PATH")
    elif not (run([python.path, "-m", "venv", "--without-pip", folder]) and borrow_pip(program_in(folder), python)):
        raise SetupError(f"{python.path} has no pip to give to .venv; run: {manual_command([package])}")


def borrow_pip(program: Path, python: Python) -> bool:
    """Install pip into an environment from the system's own pip, or from Debian's package, unpacked elsewhere."""
    if quietly([python.path, "-m", "pip", "--python", str(program), "install", "--quiet", "pip"]):
        return True
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        return False
    say("fetching pip with apt-get, without installing it")
    with tempfile.TemporaryDirectory() as aside:
        wheel = download_pip_wheel(Path(aside))
        return wheel is not None and pip(program, ["pip"], {"PYTHONPATH": str(wheel)})


def download_pip_wheel(aside: Path) -> Path | None:
    """Download Debian's package of pip, which needs no root, with package lists of our own if the system has none."""
    (aside / "lists" / "partial").mkdir(parents=True)
    own = ["-q", "-o", f"Dir::State::lists={aside}/lists", "-o", f"Dir::Cache={aside}/cache"]
    for options in (["-q"], own):
        if options is own:
            quietly(["apt-get", *own, "update"])
        command = ["apt-get", *options, "download", "python3-pip-whl"]
        subprocess.run(command, cwd=aside, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        for package in aside.glob("*.deb"):
            quietly(["dpkg-deb", "-x", str(package), str(aside / "files")])
            return next(aside.glob("files/usr/share/python-wheels/pip-*.whl"), None)
    return None


def install_packages(program: Path, kind: str) -> None:
    """Install the project, editable, and its dependencies."""
    if kind == "run":
        extras = "espeak" if has_opus() else "espeak,codec"
        arguments = ["--editable", f".[{extras}]"]
    else:
        arguments = ["--editable", ".[espeak,codec,metrics,redis,webrtc]", "--group", "dev"]
    say("installing the Python packages; this takes a minute")
    if kind == "test" and not pip(program, ["pip"]):  # --group needs a newer pip than many Pythons include
        raise SetupError("pip could not renew itself (see above): is there a network? Then run again")
    # The extra `voice` without onnxruntime, which hibari-tts depends on and oggstream does without.
    if not (pip(program, arguments) and pip(program, ["--no-deps", "hibari-tts"])):
        raise SetupError("the Python packages could not be installed (see above): is there a network? Then run again")


def compile_modules(program: Path) -> None:
    """Compile oggstream's modules, which pip leaves to the first start of an editable installation.

    With PYTHONDONTWRITEBYTECODE each start would compile them again, which takes a tenth of a second.
    """
    writing = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    run([program, "-m", "compileall", "-q", "src/oggstream"], cwd=ROOT, env=writing)


def pip(program: Path, arguments: list[str], environment: dict[str, str] | None = None) -> bool:
    """Run ``pip install`` under the constraints, also for builds; return whether it succeeded.

    pip splits values from the environment at spaces, hence a path relative to the checkout.
    """
    constraints = "tools/constraints.txt"
    builds = {"PIP_CONSTRAINT": constraints, "PIP_BUILD_CONSTRAINT": constraints}  # the former up to pip 25
    calm = ["-qq", "--no-input", "--disable-pip-version-check", "--no-warn-script-location"]
    command: list[str | Path] = [program, "-m", "pip", "install", *calm, "--constraint", constraints, *arguments]
    return run(command, cwd=ROOT, env={**os.environ, **builds, **(environment or {})})


@contextlib.contextmanager
def lock() -> Iterator[None]:
    """Allow one set-up of this checkout at a time; the lock ends with the process, however that ends."""
    try:
        import fcntl
    except ImportError:  # Windows, which has no such lock on a folder
        yield
        return
    handle = os.open(ROOT, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another set-up of this checkout")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def main(arguments: list[str]) -> int:
    """Prepare as the arguments say and print the Pythons; return the exit status."""
    kind = arguments[0]
    try:
        found = pythons()
        chosen = {found[0], found[-1]} if arguments[1:] == ["all"] else {found[-1]}
        with lock():
            programs = [prepare(folder_for(kind, python), kind, python) for python in sorted(chosen)]
    except SetupError as error:
        print(f"oggstream: error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        say("interrupted; run again to continue")
        return 130
    print("\n".join(map(str, programs)))
    return 0
