"""What type checkers and editors know of the interface. pyright's tests run where npm's ``pyright`` is on the path."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import IO, Any, Self

import pytest

from oggstream.options import PlaybackOptions, SpeechOptions

FOLDER = Path(__file__).parent / "typing"
MISTAKES, CORRECT = FOLDER / "mistakes.py", FOLDER / "correct.py"
OWN = {"source=", "sink=", "options=", "on_event="}
CAPABILITIES = {"workspace": {"configuration": True, "workspaceFolders": True}}
CALLS = {
    'oggstream.play_stream("Hello.", ': OWN,
    'oggstream.stream_frames("Hello.", ': {"source=", "options="},
    'oggstream.stream_ogg("Hello.", ': {"source=", "options="},
    'oggstream.save("Hello.", "x.opus", ': {"source=", "options=", "on_event="},
    "oggstream.Player(": OWN,
    'oggstream.Player().say("Hello.", ': {"interrupt="},
}
FOREIGN = """
[mypy]
[mypy-numpy.*,openai.*,aiohttp.*]
follow_imports = skip
ignore_missing_imports = true
"""
"""Their types are nothing to the mistakes, and reading them takes five times as long as all the rest."""
pyright = pytest.mark.skipif(shutil.which("pyright") is None, reason="pyright is not on the path: npm install pyright")
pytestmark = [pytest.mark.once, pytest.mark.timeout(180)]


def marked() -> set[int]:
    """The lines with a mistake."""
    lines = MISTAKES.read_text(encoding="utf-8").splitlines()
    return {number for number, line in enumerate(lines, 1) if line.endswith("# mistake")}


def test_mypy_finds_twelve_mistakes_of_twelve_and_none_where_there_is_none(tmp_path: Path) -> None:
    (tmp_path / "mypy.ini").write_text(FOREIGN)
    options = ["--strict", f"--config-file={tmp_path / 'mypy.ini'}", f"--cache-dir={tmp_path}"]
    command = [sys.executable, "-m", "mypy", *options, MISTAKES.name, CORRECT.name]
    out = subprocess.run(command, capture_output=True, text=True, cwd=FOLDER, check=False).stdout
    found = re.findall(r"^(\w+)\.py:(\d+): error:", out, re.MULTILINE)
    assert len(marked()) == 12
    assert {(file, int(line)) for file, line in found} == {("mistakes", line) for line in marked()}, out


def run_pyright(path: Path) -> dict[str, Any]:
    command = ["pyright", "--outputjson", "--pythonpath", sys.executable, str(path)]
    result: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, text=True, check=False).stdout)
    return result


@pyright
def test_pyright_finds_them_too() -> None:
    found = run_pyright(MISTAKES)["generalDiagnostics"]
    assert {error["range"]["start"]["line"] + 1 for error in found} == marked()
    assert not run_pyright(CORRECT)["generalDiagnostics"]


@pyright
def test_an_editor_completes_every_option(tmp_path: Path) -> None:
    with LanguageServer(tmp_path) as server:
        for call, own in CALLS.items():
            expected = own | {f"{name}=" for name in SpeechOptions.__dataclass_fields__}
            assert expected <= server.completions(call), call
        options = {f"{name}=" for name in PlaybackOptions.__dataclass_fields__}
        assert options <= server.completions("oggstream.PlaybackOptions(")
        gains = {label.strip("'\"") for label in server.completions("oggstream.PlaybackOptions(gain=")}
        assert {"none", "track", "album"} <= gains


class LanguageServer:
    """pyright's, asked over its standard input."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0

    def __enter__(self) -> Self:
        command = ["pyright-langserver", "--stdio"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=self._folder)
        self._ask("initialize", {"processId": None, "rootUri": self._folder.as_uri(), "capabilities": CAPABILITIES})
        self._send({"method": "initialized", "params": {}})
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def completions(self, call: str) -> set[str]:
        """The labels that are offered behind ``call``."""
        uri = (self._folder / f"call{self._count}.py").as_uri()
        text = f"import oggstream\n{call}"
        document = {"uri": uri, "languageId": "python", "version": 1, "text": f"{text})\n"}
        self._send({"method": "textDocument/didOpen", "params": {"textDocument": document}})
        place = {"textDocument": {"uri": uri}, "position": {"line": 1, "character": len(call)}}
        answer = self._ask("textDocument/completion", place)
        return {item["label"] for item in answer["items"]}

    def _ask(self, method: str, params: dict[str, Any]) -> Any:
        self._count += 1
        self._send({"id": self._count, "method": method, "params": params})
        while True:
            message = self._receive()
            if "method" in message and "id" in message:  # it asks for settings
                wanted = message.get("params", {}).get("items", [])
                settings = [
                    {"pythonPath": sys.executable} if item.get("section") == "python" else {} for item in wanted
                ]
                self._send({"id": message["id"], "result": settings})
            elif message.get("id") == self._count and "method" not in message:
                return message["result"]

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        pipe = self._process.stdin
        assert pipe is not None
        pipe.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        pipe.flush()

    def _receive(self) -> dict[str, Any]:
        pipe: IO[bytes] | None = self._process.stdout
        assert pipe is not None
        length = 0
        while line := pipe.readline().strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        message: dict[str, Any] = json.loads(pipe.read(length))
        return message
