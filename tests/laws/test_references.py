"""No mechanism without a test against something that shares no code with it; docs/mechanisms.md says which."""

import mechanisms
import pytest

from homeoanalysis import catalogue

ENTRIES = [f"{folder}/{name}" for folder in mechanisms.FOLDERS for name in catalogue.names(folder)]


@pytest.mark.parametrize("entry", ENTRIES)
def test_every_mechanism_has_an_independent_reference(entry):
    assert any(r.entry == entry for r in mechanisms.references()), (
        f"no test carries @pytest.mark.reference({entry!r}, against=..., within=...)"
    )


def test_references_name_mechanisms_that_exist():
    assert {r.entry for r in mechanisms.references()} <= set(ENTRIES)


def test_the_pages_are_up_to_date():
    assert mechanisms.PAGE.read_text(encoding="utf-8") == mechanisms.page(), "run: python tests/mechanisms.py"
    assert mechanisms.GUIDE.read_text(encoding="utf-8") == mechanisms.guide(), "run: python tests/mechanisms.py"
