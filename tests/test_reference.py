"""The page of what is public."""

from __future__ import annotations

import re

import oggstream
from tools import make_reference


def test_the_page_is_what_the_package_says() -> None:
    assert make_reference.PAGE.read_text(encoding="utf-8") == make_reference.page(), "python -m tools.make_reference"


def test_every_public_name_stands_in_it_once_and_no_other() -> None:
    names = re.findall(r"^\| `(\w+)", make_reference.page(), re.MULTILINE)
    assert sorted(names) == sorted(oggstream.__all__)
