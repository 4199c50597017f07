"""A lab's spreadsheet as the replicates of a recording: one YAML for sixty files, and every mistake names its line."""

from pathlib import Path

import pytest

from homeoanalysis.config.loading import load_config
from homeoanalysis.config.recording import Recording
from homeoanalysis.config.replicate_table import with_table
from homeoanalysis.errors import ConfigError

HEAD = "replicate,path,subject,session,age,drug,time.drug_on,parameter.duration\n"
YAML = """\
title: Sixty cultures
citation: none
licence: none
source: {folder: .}
reader: mea_hdf5
replicates: sixty.csv
duration: 900 s
epochs: {before: [start, drug_on], after: [drug_on, stop]}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "config" / "recordings").mkdir(parents=True)
    (tmp_path / "config" / "studies").mkdir()
    (tmp_path / "config" / "config.yaml").write_text("seed: 1\nstudies: [s]\n")
    (tmp_path / "config" / "studies" / "s.yaml").write_text(
        "title: s\nquestion: q\nrecordings: [sixty]\nmetrics: {firing_rate: {}}\n"
        "contrasts: {x: {metrics: [firing_rate], where: {age: 14}, epoch: after, reference: before}}\n"
        "targets: {sixty: []}\n"
    )
    (tmp_path / "config" / "recordings" / "sixty.yaml").write_text(YAML)
    return tmp_path / "config"


def rows(n: int = 60) -> str:
    return "".join(f"r{k},c{k}.h5,s{k % 20},day{k // 20},{14 + 7 * (k // 20)},TTX,{300 + k} s,900 s\n" for k in range(n))


def load(folder: Path, table: str, name: str = "sixty.csv") -> Recording:
    (folder / "recordings" / name).write_text(table)
    return load_config(folder).recordings["sixty"]


def test_sixty_files_are_one_yaml(folder: Path) -> None:
    one = load(folder, HEAD + rows())
    assert len(one.replicates) == 60
    last = one.replicates["r59"]
    assert (last.subject, last.session, last.factors) == ("s19", "day2", {"age": 28, "drug": "TTX"})
    assert last.files["recording"].name == "c59.h5"
    assert last.times["drug_on"].at == 359.0
    assert one.reader_of("r59").parameters["duration"] == 900.0
    assert load_config(folder).raw_recordings["sixty"]["replicates"]["r3"]["factors"] == {"age": 14, "drug": "TTX"}


def test_tabs_semicolons_and_a_byte_order_mark(folder: Path) -> None:
    comma = load(folder, HEAD + rows(2))
    assert load(folder, "\ufeff" + (HEAD + rows(2)).replace(",", ";")) == comma
    (folder / "recordings" / "sixty.yaml").write_text(YAML.replace("sixty.csv", "sixty.tsv"))
    assert load(folder, (HEAD + rows(2)).replace(",", "\t"), "sixty.tsv") == comma


def test_sessions_and_shared_files(folder: Path) -> None:
    sessions = "replicate,part,start,path,subject\nr,a,0 s,a.h5,s\nr,b,1 h,b.h5,s\n"
    (folder / "recordings" / "sixty.yaml").write_text(YAML.split("epochs")[0] + "same_units: ids\n")
    (folder / "studies" / "s.yaml").write_text("title: s\nquestion: q\nrecordings: [sixty]\nmetrics: {firing_rate: {}}\n")
    (one,) = load(folder, sessions).replicates.values()
    assert {key: (p.start, p.files["recording"].name) for key, p in one.parts.items()} == {
        "a": (0.0, "a.h5"),
        "b": (3600.0, "b.h5"),
    }
    shared = YAML.split("duration")[0] + "files: {recording: {name: all.h5}, more: {name: m.h5}}\n"
    (folder / "recordings" / "sixty.yaml").write_text(shared)
    two = load(folder, "replicate,subject,parameter.start\na,a,0 s\nb,b,5 s\n").replicates
    assert two["a"].files == two["b"].files
    three = load(folder, "replicate,subject,path\na,a,more\nb,b,other.h5\n").replicates
    assert [r.files["recording"].name for r in three.values()] == ["m.h5", "other.h5"]


FAULTS = {
    "no subject": ("path\na.h5\n", "sixty.csv: has no column 'subject'"),
    "misspelt": ("path,subjct\na.h5,s\n", "the column 'subjct' looks like 'subject'; rename it"),
    "twice": ("path,subject,age,age\na.h5,s,1,2\n", "the column 'age' stands twice"),
    "no name": ("path,subject,Age (days)\na.h5,s,1\n", "the column is 'Age \\(days\\)'; a name starts with a letter"),
    "a cell too many": ("path,subject\na.h5,s,x\n", "line 2 has 3 cells, not 2"),
    "a decimal comma": ("path;subject;dose\na.h5;s;7,5\n", "line 2: has '7,5', a number with a comma; write 7.5"),
    "two lines of one": ("replicate,path,subject\nr,a.h5,s\nr,b.h5,s\n", "line 3: is a second line of replicate 'r'"),
    "no file": ("replicate,subject\nr,s\n", "line 2: has no path; add it, or write `files` into the YAML"),
    "orphan": ("replicate,path,sha256.b,subject\nr,a.h5,00,s\n", "line 2: has a sha256 or remote of b, but no path"),
    "quotes": ('path,subject\n"a.h5,s\n', "is no CSV"),
    "no subject there": ("path,subject\na.h5,\n", "sixty.csv line 2: replicates.a.subject is missing"),
    "not in all lines": ("path,subject,age\na.h5,s,1\nb.h5,t,2\nc.h5,u,\n", "sixty.csv line 4: replicates.c.factors lacks age"),
    "parts that differ": (
        "replicate,part,start,path,subject\nr,a,0 s,a.h5,s\nr,b,1 h,b.h5,t\n",
        "line 3: says .* of replicate 'r', but the line of another of its parts says",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_in_a_table(fault: str, folder: Path) -> None:
    table, message = FAULTS[fault]
    with pytest.raises(ConfigError, match=message):
        load(folder, table)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none.csv", "the file is missing"),
        ("../x.csv", "a .csv or .tsv file that lies beside"),
        ("x.xlsx", "a .csv or .tsv file"),
    ],
)
def test_tables_that_are_not_there(name: str, message: str, folder: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        with_table({"replicates": name}, folder / "recordings" / "sixty.yaml", "config/recordings/sixty.yaml")
