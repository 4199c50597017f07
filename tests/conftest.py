"""What several tests need."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def mirror() -> Path:
    """The folder of public recordings, one sub-folder each: HOMEOANALYSIS_MIRROR, or shared/data beside the checkout."""
    named = os.environ.get("HOMEOANALYSIS_MIRROR")
    folder = Path(named) if named else Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.fail(f"{folder} is no folder; set HOMEOANALYSIS_MIRROR to a folder of recordings")
    return folder
