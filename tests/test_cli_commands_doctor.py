"""Tests of ``doctor`` as a whole."""

from __future__ import annotations

import asyncio
import json
from argparse import Namespace
from typing import Any

import pytest

from cli_run import inside, run, terminal
from oggstream.cli.checks.finding import FAIL, OK, WARN, Finding
from oggstream.cli.commands import doctor
from oggstream.cli.commands.doctor import CHECKS, Check

KEY = "sk-proj-abcdefghijklmnop"
GOOD = Finding("good", OK, "all well")
ODD = Finding("odd", WARN, "not so well", "do this")
BAD = Finding("bad", FAIL, "broken", "do that")


def stand_in(name: str, *findings: Finding, error: Exception | None = None, hangs: bool = False) -> Check:
    async def look(_: Namespace) -> list[Finding]:
        if error is not None:
            raise error
        if hangs:
            await asyncio.Event().wait()
        return list(findings)

    return Check(name, look, 0.05)


def examined(monkeypatch: pytest.MonkeyPatch, capsys: Any, *checks: Check, options: tuple[str, ...] = ()) -> Any:
    monkeypatch.setattr(doctor, "CHECKS", checks)
    return inside(capsys, "doctor", *options)


def test_each_finding_is_a_line_and_what_mends_it_another(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    result = examined(monkeypatch, capsys, stand_in("a", GOOD, ODD))
    assert result.status == 0
    assert result.out == b"ok    all well\nwarn  not so well\n      -> do this\n"
    assert result.err == "oggstream: all that is needed works\n"


def test_without_an_output_it_is_not_said_that_all_works(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    none = Finding("device", WARN, "there is no output device", "connect one")
    result = examined(monkeypatch, capsys, stand_in("a", GOOD, none))
    assert result.status == 0
    told = "speech cannot be heard here, for there is no output device; all else that is needed works"
    assert result.err == f"oggstream: {told}\n"


def test_a_failure_is_status_1_and_names_itself(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    result = examined(monkeypatch, capsys, stand_in("a", BAD), stand_in("b", GOOD))
    assert result.status == 1
    assert result.out == b"fail  broken\n      -> do that\nok    all well\n"
    assert result.err == "oggstream: error: not all that is needed works: bad; do what is said beside it\n"


@pytest.mark.parametrize(("finding", "status"), [(ODD, 0), (BAD, 1)])
def test_as_json_it_is_one_object(finding: Finding, status: int, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    result = examined(monkeypatch, capsys, stand_in("a", GOOD, finding), options=("--json",))
    assert result.status == status
    report = result.report
    assert report["completed"] is not bool(status)
    assert (report["error"] or {}).get("type") == ("ConfigError" if status else None)
    assert report["checks"][1] == {
        "name": finding.name,
        "level": finding.level,
        "says": finding.says,
        "mend": finding.mend,
        "figures": {},
    }


def test_a_check_that_hangs_or_breaks_ends_nothing_but_itself(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    checks = [stand_in("slow", hangs=True), stand_in("wrong", error=KeyError("x")), stand_in("b", GOOD)]
    result = examined(monkeypatch, capsys, *checks)
    assert result.status == 1
    shown = result.out.decode()
    assert "fail  slow: no result within 0.05 s" in shown
    assert "fail  wrong: unexpected KeyError" in shown
    assert "ok    all well" in shown
    assert "slow, wrong" in result.err


def test_no_credential_is_shown(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    echo = Finding("a", OK, f"it says {KEY}")
    for options in ((), ("--json",)):
        result = examined(monkeypatch, capsys, stand_in("a", echo), options=options)
        assert KEY not in result.out.decode() + result.err


def test_every_check_has_a_limit_and_a_name_of_its_own() -> None:
    assert len({check.name for check in CHECKS}) == len(CHECKS)
    assert all(0 < check.limit <= 30 for check in CHECKS)


def test_a_real_machine_is_examined() -> None:
    result = run("doctor", "--json", env={"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": "http://127.0.0.1:9/v1"})
    assert KEY not in result.out.decode() + result.err
    names = [check["name"] for check in result.report["checks"]]
    assert {"python", "packages", "libopus", "portaudio", "device", "voice", "key", "endpoint"} <= set(names)
    levels = {check["name"]: check["level"] for check in result.report["checks"]}
    assert (levels["python"], levels["packages"], levels["libopus"], levels["key"]) == (OK, OK, OK, OK)
    assert levels["endpoint"] == FAIL
    assert result.status == 1
    assert json.loads(result.out)["error"]["type"] == "ConfigError"


def test_on_a_terminal_it_says_what_it_is_about() -> None:
    with terminal("doctor", columns=200) as screen:
        screen.wait_for("checking endpoint")
        screen.end()
        assert not [line for line in screen.lines if line.startswith("checking")]
