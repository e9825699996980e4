"""The examples of docs/operating.md are taken by the programs that they are for."""

from __future__ import annotations

import configparser
import re
import shlex
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from oggstream.cli.arguments import parse
from patience import PATIENCE
from tools.scaling.site import blocks, free_port

pytestmark = pytest.mark.once


def program(name: str, package: str = "") -> str:
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"there is no {name}: on Debian, apt-get install {package or name}")
    return path


def passes(*command: object) -> None:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr.lower(), done.stderr


def test_haproxy_takes_its_configuration_without_a_warning(tmp_path: Path) -> None:
    (text,) = blocks("haproxy")
    (tmp_path / "haproxy.cfg").write_text(text)
    passes(program("haproxy"), "-c", "-f", tmp_path / "haproxy.cfg")


def test_nginx_takes_its_configuration(tmp_path: Path) -> None:
    (text,) = blocks("nginx")
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    places = [f"{kind}_temp_path {tmp_path / kind};" for kind in kinds]
    text = text.replace("listen 80;", f"listen {free_port()};")
    lines = [f"pid {tmp_path}/pid;", "events {}", "http {", "access_log off;", *places, text, "}"]
    (tmp_path / "nginx.conf").write_text("\n".join(lines))
    passes(program("nginx"), "-t", "-p", tmp_path, "-e", "stderr", "-c", tmp_path / "nginx.conf")


def test_redis_takes_its_settings(tmp_path: Path) -> None:
    (text,) = blocks("redis")
    (tmp_path / "redis.conf").write_text(f"{text}\nport {free_port()}\ndir {tmp_path}\nunixsocket {tmp_path}/sock\n")
    with subprocess.Popen([program("redis-server"), tmp_path / "redis.conf"], stdout=subprocess.PIPE) as process:
        deadline = time.monotonic() + PATIENCE
        while not (tmp_path / "sock").exists() and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert process.poll() is None
        process.kill()


def command_of_the_unit() -> list[str]:
    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(blocks("ini")[0])
    assert int(unit["Service"]["TimeoutStopSec"]) > float(unit["Service"]["ExecStart"].rpartition("--drain ")[2])
    return shlex.split(unit["Service"]["ExecStart"])[1:]


def test_the_unit_and_the_container_start_serve_with_options_that_there_are() -> None:
    assert parse(command_of_the_unit()).workers == 4
    (image,) = blocks("dockerfile")
    entry, more = (re.search(rf"^{word} \[(.*)\]$", image, re.MULTILINE) for word in ("ENTRYPOINT", "CMD"))
    assert entry is not None
    assert more is not None
    words = [word.strip(' "') for word in f"{entry[1]}, {more[1]}".split(",")]
    assert parse(words[1:]).host == "0.0.0.0"


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    analyse = program("systemd-analyze", "systemd")
    unit = tmp_path / "oggstream.service"
    unit.write_text(blocks("ini")[0].replace("/usr/local/bin/oggstream", "/bin/true"))
    done = subprocess.run([analyse, "verify", str(unit)], capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert "oggstream.service" not in done.stderr, done.stderr
