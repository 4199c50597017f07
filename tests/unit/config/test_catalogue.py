"""The directory is the registry: laws over every catalogue file."""

import json

import pytest

from homeoanalysis import catalogue

ENTRIES = [(folder, name) for folder in catalogue.FOLDERS for name in catalogue.names(folder)]


@pytest.mark.parametrize(("folder", "name"), ENTRIES, ids=["/".join(e) for e in ENTRIES])
def test_one_public_object_with_a_described_schema(folder: str, name: str) -> None:
    thing = catalogue.load(folder, name)
    assert (thing.__doc__ or "").strip(), "the first line of the docstring is what `list` shows"
    schema = catalogue.parameters(folder, name).model_json_schema()
    assert schema["additionalProperties"] is False
    assert json.dumps(schema)
    assert catalogue.source_files(folder, name)[0].is_file()


@pytest.mark.parametrize("folder", catalogue.FOLDERS)
def test_names_are_sorted_and_plain(folder: str) -> None:
    names = catalogue.names(folder)
    assert names == sorted(names)
    assert all(name.isidentifier() and not name.startswith("_") for name in names)


@pytest.mark.parametrize("name", ["firing_rat", "Firing_rate", "", "../errors", "__init__"])
def test_an_unknown_name_is_told_the_known_ones(name: str) -> None:
    with pytest.raises(LookupError, match=r"known: .*firing_rate"):
        catalogue.load("metrics", name)


def test_the_nearest_name_is_suggested() -> None:
    assert catalogue.did_you_mean("firing_rat", ["cv2", "firing_rate"]) == "did you mean 'firing_rate'? known: cv2, firing_rate"
    assert catalogue.did_you_mean("x", []) == "known: none"
