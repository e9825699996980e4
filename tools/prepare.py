"""Sets up what tools/run and tools/test need: system libraries, a virtual environment, the packages in it.

``prepare.py run`` prepares ``.venv``; ``prepare.py test newest|all`` prepares ``.venv-3.N`` for the newest Python at
hand, or for the oldest and the newest. The Python of each is printed on standard output, everything else on standard
error. Needs nothing but the standard library. An environment whose stamp fits is left as it is.
"""

from __future__ import annotations

import contextlib
import ctypes
import ctypes.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
SUITABLE = ((3, 11), (3, 14))
STAMP = "oggstream.stamp"
UNFINISHED = b"unfinished\n"  # the stamp while an environment is made: if it stays, the environment is thrown away
FAST_APT = ["-q", "-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300", "-o", "Dpkg::Use-Pty=0"]
OTHER_MANAGERS = {  # named only; apt is the one that is run
    "brew": "brew install portaudio opus",
    "dnf": "dnf install portaudio opus",
    "pacman": "pacman -S portaudio opus",
    "zypper": "zypper install libportaudio2 libopus0",
    "apk": "apk add portaudio opus",
}


class SetupError(Exception):
    """The set-up cannot go on; one line that says what to do."""


class Python(NamedTuple):
    """An interpreter at hand: the real path of its program, and whether it can put pip into an environment."""

    version: tuple[int, int]
    path: str
    has_pip_bundle: bool


PROBE = """
import importlib.util, os, sys, sysconfig
import ctypes, ssl, venv
if sysconfig.get_config_var("Py_GIL_DISABLED"):
    sys.exit(1)
print(*sys.version_info[:2], importlib.util.find_spec("ensurepip") is not None,
      os.path.realpath(getattr(sys, "_base_executable", sys.executable)))
"""


def say(message: str) -> None:
    """Tell the user on standard error."""
    print(f"oggstream: {message}", file=sys.stderr, flush=True)


def run(command: list[str | Path], **options: object) -> bool:
    """Run a command, its output on standard error; return whether it went well."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False, **options)  # type: ignore[call-overload]
    return bool(done.returncode == 0)


# Pythons


def pythons() -> list[Python]:
    """Find the suitable Pythons at hand, oldest first, one per minor version; only PYTHON, where that is set."""
    chosen = os.environ.get("PYTHON")
    names = [chosen] if chosen else ["python3", "python", *(f"python3.{minor}" for minor in range(11, 15))]
    programs = [path for name in names if (path := shutil.which(name))]
    if not chosen:
        programs += [sys.executable, *pyenv_programs()]
    found: dict[tuple[int, int], Python] = {}
    probes = {program: start_probe(program) for program in dict.fromkeys(programs)}
    for process in probes.values():
        python = read_probe(process)
        if python and SUITABLE[0] <= python.version <= SUITABLE[1]:
            found.setdefault(python.version, python)
    if not found:
        raise SetupError("no Python 3.11 to 3.14 with ssl and ctypes found; name one: PYTHON=PATH tools/run")
    return [found[version] for version in sorted(found)]


def pyenv_programs() -> list[str]:
    """Return the Pythons that pyenv keeps; its shims hide all but the chosen ones."""
    if not shutil.which("pyenv"):
        return []
    root = subprocess.run(["pyenv", "root"], capture_output=True, text=True, check=False).stdout.strip()
    return [str(path) for path in sorted(Path(root).glob("versions/3.*/bin/python3"), reverse=True)] if root else []


def start_probe(program: str) -> subprocess.Popen[str]:
    """Ask a Python what it is."""
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    return subprocess.Popen([program, "-c", PROBE], text=True, **pipes)  # type: ignore[call-overload, no-any-return]


def read_probe(process: subprocess.Popen[str]) -> Python | None:
    """Read the answer; None if it has none to give."""
    answer = process.communicate()[0].split(maxsplit=3)
    if process.returncode != 0 or len(answer) != 4:
        return None
    return Python((int(answer[0]), int(answer[1])), answer[3].strip(), answer[2] == "True")


# System packages


def loads(*names: str) -> bool:
    """Whether one of these shared libraries can be loaded."""
    for name in names:
        with contextlib.suppress(OSError):
            ctypes.CDLL(name)
            return True
    return False


def has_opus() -> bool:
    """Whether the system has libopus; if not, the extra ``codec`` brings one."""
    return loads("libopus.so.0", "libopus.0.dylib", "opus.dll") or bool(ctypes.util.find_library("opus"))


def missing_libraries(kind: str) -> list[str]:
    """Return the Debian packages that sound, or the tests of sound, need and that are not there."""
    packages = {"libportaudio2": loads("libportaudio.so.2"), "libopus0": has_opus()}
    if kind == "test":
        plugins = list(Path("/usr/lib").glob("*/alsa-lib/libasound_module_pcm_pulse.so"))
        packages["pulseaudio"] = bool(shutil.which("pulseaudio"))
        packages["pulseaudio-utils"] = bool(shutil.which("parec"))
        packages["libasound2-plugins"] = bool(plugins)
    return [package for package, there in packages.items() if not there]


def install_libraries(kind: str) -> None:
    """Bring in the missing system packages, or say how, and what is missing without them."""
    if not sys.platform.startswith("linux"):
        return  # sounddevice carries PortAudio there, and the extra `codec` libopus
    missing = missing_libraries(kind)
    if not missing or apt_install(missing):
        return
    without = (
        "speech is written to speech.wav instead of played" if kind == "run" else "tests of the device are skipped"
    )
    say(f"going on without {' '.join(missing)}: {without}. To have it, run: {manual_command(missing)}")


def manual_command(packages: list[str]) -> str:
    """Return the command that installs packages on this system, to be shown."""
    for manager, command in OTHER_MANAGERS.items():
        if not shutil.which("apt-get") and shutil.which(manager):
            return command
    return f"{'' if is_root() else 'sudo '}apt-get install {' '.join(packages)}"


def is_root() -> bool:
    """Whether this user may do everything, where there is such a user."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def apt_install(packages: list[str]) -> bool:
    """Install Debian packages if this user may; return whether they are there now."""
    prefix = privilege() if shutil.which("apt-get") else None
    if prefix is None:
        return False
    say(f"installing {' '.join(packages)} with apt-get")
    apt: list[str | Path] = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]
    install = [*apt, "install", *FAST_APT, *packages]
    if quietly(install):
        return True
    quietly([*apt, "update", "-q"])  # a list that cannot be renewed need not be the one that matters
    return run(install)


def privilege() -> list[str] | None:
    """Return what to put before a command to run it as root, or None if this user may not."""
    if is_root():
        return []
    if not shutil.which("sudo"):
        return None
    if quietly(["sudo", "-n", "true"]):
        return ["sudo"]
    return ["sudo"] if sys.stderr.isatty() else None  # it asks for the password on the terminal


def quietly(command: list[str | Path] | list[str]) -> bool:
    """Run a command whose failure has another answer; return whether it went well."""
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0


# The virtual environment


def stamp_for(folder: Path) -> bytes:
    """Return what an environment depends on; is_ready in python.sh puts together the same bytes.

    The checkout's path (an editable installation holds it), the Python, the upper part of pyproject.toml (what is
    installed, not the settings of tools), the constraints, and this file.
    """
    python = os.path.realpath(program_in(folder))
    project = (ROOT / "pyproject.toml").read_bytes().partition(b"\n[tool")[0] + b"\n"
    tools = ROOT / "tools"
    head = f"{ROOT}\n{python}\n".encode()
    return head + project + (tools / "constraints.txt").read_bytes() + (tools / "prepare.py").read_bytes()


def program_in(folder: Path) -> Path:
    """Return the path of an environment's Python."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def prepare(folder: Path, kind: str, python: Python) -> Path:
    """Make an environment complete, unless it is; return its Python."""
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
    stamp.write_bytes(stamp_for(folder))
    say(f"{folder.name} is ready after {time.monotonic() - began:.0f} s")
    return program


def make_environment(folder: Path, python: Python) -> None:
    """Make an empty environment with pip in it, in place of one of ours that does not fit."""
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
    """Install pip into an environment from the system's own pip, or from Debian's package of it, unpacked aside."""
    if quietly([python.path, "-m", "pip", "--python", str(program), "install", "--quiet", "pip"]):
        return True
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        return False
    say("fetching pip with apt-get, without installing it")
    with tempfile.TemporaryDirectory() as aside:
        wheel = download_pip_wheel(Path(aside))
        return wheel is not None and pip(program, ["pip"], {"PYTHONPATH": str(wheel)})


def download_pip_wheel(aside: Path) -> Path | None:
    """Download Debian's package of pip as any user may, with lists of our own where the system's are missing."""
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
    """Install the project, editable, and what it needs."""
    if kind == "run":
        extras = "voice" if has_opus() else "voice,codec"
        arguments = ["--editable", f".[{extras}]"]
    else:
        arguments = ["--editable", ".[voice,codec]", "--group", "dev"]
    say("installing the Python packages; this takes a minute")
    if kind == "test" and not pip(program, ["pip"]):  # --group wants a newer pip than many Pythons bring
        raise SetupError("pip could not renew itself (see above): is there a network? Then run again")
    if not pip(program, arguments):
        raise SetupError("the Python packages could not be installed (see above): is there a network? Then run again")


def pip(program: Path, arguments: list[str], environment: dict[str, str] | None = None) -> bool:
    """Run ``pip install`` under the constraints, those of builds included; return whether it went well.

    pip splits what it reads from the environment at spaces, hence a path relative to the checkout.
    """
    constraints = "tools/constraints.txt"
    builds = {"PIP_CONSTRAINT": constraints, "PIP_BUILD_CONSTRAINT": constraints}  # the former up to pip 25
    calm = ["-qq", "--no-input", "--disable-pip-version-check", "--no-warn-script-location"]
    command: list[str | Path] = [program, "-m", "pip", "install", *calm, "--constraint", constraints, *arguments]
    return run(command, cwd=ROOT, env={**os.environ, **builds, **(environment or {})})


@contextlib.contextmanager
def lock() -> Iterator[None]:
    """Let one set-up at a time work on this checkout; however a process ends, its lock ends with it."""
    try:
        import fcntl
    except ImportError:  # Windows, where nothing of the kind works on a folder
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
    """Prepare what the arguments say and print the Pythons; return the exit status."""
    kind, which = [*arguments, ""][:2]
    try:
        found = pythons()
        with lock():
            if kind == "run":
                programs = [prepare(ROOT / ".venv", kind, found[-1])]
            else:
                chosen = dict.fromkeys([found[0], found[-1]] if which == "all" else [found[-1]])
                programs = [prepare(ROOT / f".venv-{v[0]}.{v[1]}", kind, py) for py in chosen for v in [py.version]]
    except SetupError as error:
        print(f"oggstream: error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        say("interrupted; run again to go on")
        return 130
    print("\n".join(map(str, programs)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
