"""The examples of docs/configuration.md are a valid config."""

import re
from pathlib import Path

from homeoanalysis.config import load_config
from homeoanalysis.plan import Plan

PAGE = Path(__file__).parents[3] / "docs" / "configuration.md"


def test_the_examples_are_valid(tmp_path: Path) -> None:
    found = re.findall(r"```yaml\n# (config/\S+)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(found) == 6
    for name, text in found:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    config = load_config(tmp_path / "config")
    models = ("network", "network.frozen", "network.none", "network.stdp", "network.intrinsic")
    assert config.sources("rates") == {"cultures": "cultures"} | {name: f"{name}.ci" for name in models}
    assert [job.rule for job in Plan(config).jobs("rates")][-1] == "report"
    assert config.tested() == {"C1": "c1", "C2": ""}
