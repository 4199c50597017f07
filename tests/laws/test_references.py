"""No mechanism without a test against something that shares no code with it; docs/mechanisms.md says which."""

import mechanisms
import numpy as np
import pytest
import reached

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


def test_a_mechanism_without_a_reference_fails(monkeypatch):
    """Control: a new file of the catalogue that no test is marked with, and one whose mark is taken away."""
    with pytest.raises(AssertionError, match=r"no test carries @pytest.mark.reference\('neurons/new_neuron'"):
        test_every_mechanism_has_an_independent_reference("neurons/new_neuron")
    kept = [r for r in mechanisms.references() if r.entry != "plasticity/bcm"]
    monkeypatch.setattr(mechanisms, "references", lambda: kept)
    with pytest.raises(AssertionError, match="plasticity/bcm"):
        test_every_mechanism_has_an_independent_reference("plasticity/bcm")


def test_every_mechanism_has_its_equation_and_source_in_the_guide():
    """Heading, docstring and a row for each parameter."""
    guide = mechanisms.GUIDE.read_text(encoding="utf-8")
    for folder, name in (entry.split("/") for entry in ENTRIES):
        _, found, rest = guide.partition(f"\n#### `{name}`\n")
        section = rest.partition("\n#### ")[0]
        assert found, f"{folder}/{name} is not in docs/simulator.md"
        assert "Source:" in section
        for key in catalogue.parameters(folder, name).model_fields:
            assert f"\n| {key} | " in section


def test_what_was_measured_is_of_tests_that_exist():
    shares = reached.read_shares()
    assert set(shares) <= {r.test for r in mechanisms.references()}
    assert all(0 <= share <= 1 for measured in shares.values() for share in measured)
    assert len(shares) > 50


def test_the_largest_share_of_a_tolerance_is_measured():
    """In each kind of comparison; one that fails, a negative control, does not count."""
    functions = np.allclose, np.array_equal
    with reached.measured() as shares:
        assert shares.largest is None
        assert np.array_equal([1], [1])
        assert shares.largest == 0
        for found, expected in ((1.01, 1), (np.float64(1.02), 1), (np.array([1.03, 1]), 1), (np.array([1.04, 1]), np.ones(2))):
            assert found == pytest.approx(expected, abs=0.1)
            assert abs(shares.largest - 10 * (np.max(found) - 1)) < 1e-9
        assert np.allclose([1.05, 1], 1, rtol=0, atol=0.1)
        assert not np.allclose(3, 1)
        assert np.float64(3) != pytest.approx(1)
        assert abs(shares.largest - 0.5) < 1e-9
    assert functions == (np.allclose, np.array_equal)
