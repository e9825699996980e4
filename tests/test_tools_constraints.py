"""tools/constraints.txt: names and versions of every dependency."""

from __future__ import annotations

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools.prepare import ROOT

LINES = (ROOT / "tools/constraints.txt").read_text().splitlines()
PINS = [Requirement(line) for line in LINES if not line.startswith("#")]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PYTHONS = [classifier.rsplit(" ", 1)[1] for classifier in PROJECT["project"]["classifiers"] if " :: 3." in classifier]


def declared() -> list[Requirement]:
    project = PROJECT["project"]
    lists = [project["dependencies"], *project["optional-dependencies"].values(), PROJECT["build-system"]["requires"]]
    lists += PROJECT["dependency-groups"].values()
    builders = ["pip", "setuptools", "wheel"]  # of opuslib, which comes as source only
    return [Requirement(entry) for entries in [*lists, builders] for entry in entries if isinstance(entry, str)]


def pins_on(python: str) -> dict[str, Requirement]:
    environment = {"python_version": python, "python_full_version": f"{python}.0"}  # besides this machine's
    fitting = [pin for pin in PINS if pin.marker is None or pin.marker.evaluate(environment)]
    assert len({pin.name for pin in fitting}) == len(fitting), "two versions for one Python"
    return {canonicalize_name(pin.name): pin for pin in fitting}


@pytest.mark.parametrize("python", PYTHONS)
def test_every_declared_package_has_a_version_that_its_declaration_allows(python: str) -> None:
    pins = pins_on(python)
    for requirement in declared():
        (version,) = pins[canonicalize_name(requirement.name)].specifier
        assert version.operator == "=="
        assert requirement.specifier.contains(version.version), requirement


def test_no_line_holds_an_address_or_an_option() -> None:
    for line in LINES:
        assert line.startswith("#") or re.fullmatch(r"[a-z0-9-]+==[0-9a-z.]+( ; [^:@]+)?", line), line
