"""`diff`: what differs between two results, and why."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import xarray as xr

from homeoanalysis.cli import main
from homeoanalysis.contracts import write
from homeoanalysis.files import seal
from homeoanalysis.measure import measure
from homeoanalysis.numerics import synthetic
from homeoanalysis.provenance import code_of, rng_for, stamp

Write = Callable[..., Path]


def _measured() -> xr.Dataset:
    rng = rng_for(1, "diff")
    activity = synthetic.activity([synthetic.poisson_train(rate, 20.0, rng) for rate in (5.0, 10.0, 20.0)], 20.0)
    return measure([activity], "firing_rate")


def _stamped(dataset: xr.Dataset, *, seed: int = 1, data: str = "0" * 64, **parameters: Any) -> xr.Dataset:
    code = code_of("measure", ("metrics", "firing_rate"))
    return stamp(dataset, step="measure", code=code, parameters=parameters, inputs={"a.nex": data}, seed=seed)


@pytest.fixture
def written(tmp_path: Path) -> Write:
    def one(name: str, dataset: xr.Dataset, **made: Any) -> Path:
        write(_stamped(dataset, **made), tmp_path / name)
        return tmp_path / name

    return one


def test_a_file_is_no_other_than_itself(written: Write, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = written("a.nc", _measured()), written("b.nc", _measured())
    assert main(["diff", str(a), str(b)]) == 0
    assert "hold the same values, made the same way" in capsys.readouterr().out


def test_the_value_that_differs_most_is_named(written: Write, capsys: pytest.CaptureFixture[str]) -> None:
    changed = _measured()
    values = changed.firing_rate.values.copy()
    values[0] += 1e-9
    values[2] *= 1.05
    changed["firing_rate"] = changed.firing_rate.copy(data=values)
    before = _measured().firing_rate.values[2]
    assert main(["diff", str(written("a.nc", _measured())), str(written("b.nc", changed))]) == 1
    out = capsys.readouterr().out
    assert "firing_rate: 2 of 3 values differ, most at" in out
    unit = str(_measured().unit.values[2])
    (line,) = [text for text in out.splitlines() if text.startswith("firing_rate:")]
    assert unit in line
    assert f"{before.item():.9g} -> {1.05 * before.item():.9g} Hz (by 0.04762 of it)" in line
    assert "why: not told" in out


@pytest.mark.parametrize(
    ("made", "told"),
    [
        ({"seed": 2}, "seed of the config: 1 -> 2"),
        ({"data": "f" * 64}, "data a.nex: sha256 000000000000 -> sha256 ffffffffffff"),
        ({"where": {"age": 3}}, "parameter where.age: absent -> 3"),
    ],
)
def test_the_making_that_differs_is_told(
    written: Write, capsys: pytest.CaptureFixture[str], made: dict[str, Any], told: str
) -> None:
    assert main(["diff", str(written("a.nc", _measured())), str(written("b.nc", _measured(), **made))]) == 1
    out = capsys.readouterr().out
    assert "the same values, but made otherwise:" in out
    assert told in out


def _swept(**axes: tuple[str, list[float]]) -> xr.Dataset:
    """A sweep in which nothing was measured: its points, and that nothing was lost."""
    n = len(next(iter(axes.values()))[1])
    coordinates = {name: ("point", values, {"units": unit}) for name, (unit, values) in axes.items()}
    book = json.dumps({"realisations": {"in": n, "out": n, "dropped": {}}})
    return xr.Dataset(
        {"reason": (("point", "realisation"), np.full((n, 1), "", object))},
        {"point": np.arange(n), "realisation": [0], **coordinates},
        {"schema": "sweep/1", "source_kind": "model", "source": "net.ci", "metrics": "[]", "bookkeeping": book},
    )


def test_the_points_of_sweeps_are_told(written: Write, capsys: pytest.CaptureFixture[str]) -> None:
    """Other values in the same range too, as those of another design; and nothing of a parameter in which the points agree."""
    first = written("a.nc", _swept(n=("1", [1.0, 2.0, 5.0]), tau=("s", [0.01, 0.02, 0.03])))
    second = written("b.nc", _swept(n=("1", [1.0, 4.0, 5.0]), tau=("s", [0.01, 0.02, 0.03])))
    third = written("c.nc", _swept(n=("1", [1.0, 2.0]), delay=("s", [0.001, 0.002])))
    assert main(["diff", str(first), str(second)]) == 1
    out = capsys.readouterr().out
    assert "swept n: 3 points from 1 to 5: 1.0, 2.0, 5.0 -> 3 points from 1 to 5: 1.0, 4.0, 5.0" in out
    assert "swept tau" not in out
    assert "not told" not in out
    assert main(["diff", str(first), str(third)]) == 1
    out = capsys.readouterr().out
    assert "swept n: 3 points from 1 to 5: 1.0, 2.0, 5.0 -> 2 points from 1 to 2: 1.0, 2.0" in out
    assert "swept tau: 3 points from 0.01 to 0.03 s: 0.01, 0.02, 0.03 -> absent" in out
    assert "swept delay: absent -> 2 points from 0.001 to 0.002 s: 0.001, 0.002" in out


def test_code_and_versions_are_told(written: Write, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    other = _stamped(_measured())
    (entry,) = json.loads(other.attrs["history"])
    entry["code"], entry["versions"]["numpy"] = "otherwise", "1.0"
    path = tmp_path / "b.nc"
    write(other.assign_attrs(history=json.dumps([entry])), path)
    assert main(["diff", str(written("a.nc", _measured())), str(path)]) == 1
    out = capsys.readouterr().out
    assert "code measure: " in out
    assert "-> otherwise" in out
    assert f"version numpy in measure: {np.__version__} -> 1.0" in out


def test_what_is_in_one_file_only_is_told(written: Write, capsys: pytest.CaptureFixture[str]) -> None:
    fewer = _measured().drop_vars("firing_rate_low").isel(unit=[0, 1])
    assert main(["diff", str(written("a.nc", _measured())), str(written("b.nc", fewer))]) == 1
    out = capsys.readouterr().out
    assert "firing_rate_low: only in the first file" in out
    assert "firing_rate: unit 3, epoch 1 -> unit 2, epoch 1" in out


def test_a_file_that_is_no_result_is_refused(written: Write, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    bad = tmp_path / "bad.nc"
    bad.write_bytes(b"nothing")
    assert main(["diff", str(written("a.nc", _measured())), str(bad)]) == 1
    assert "bad.nc" in capsys.readouterr().err


def test_what_a_file_says_reaches_the_terminal_as_text(written: Write, capsys: pytest.CaptureFixture[str]) -> None:
    """Names of attributes, of files and of what is missing, with the sequences that colour, rename or clear a terminal."""
    first, second = written("a.nc", _measured()), written("b\x1b[31m.nc", _measured())
    with h5py.File(second, "r+") as file:
        file.attrs["title\x1b]0;other\x07\x9b2J"] = "one"
    seal(second)
    assert main(["diff", str(first), str(second)]) == 1
    assert main(["show", str(second)]) == 0
    assert main(["diff", str(first), str(first.with_name("absent\x1b[2J.nc"))]) == 1
    out, err = capsys.readouterr()
    assert "attribute title\ufffd]0;other\ufffd\ufffd2J: absent -> one" in out
    assert "absent\ufffd[2J.nc" in err
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", out + err)
