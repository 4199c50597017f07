"""The errors of the project. Each says what was found, where, why it is wrong and how to mend it."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import xarray as xr


class HomeoError(Exception):
    """A mistake that the user can mend: printed as it is, without a traceback."""


class ConfigError(HomeoError):
    """The YAML is wrong: one line for each violation, all violations at once."""

    def __init__(self, *violations: str) -> None:
        super().__init__("\n".join(violations))
        self.violations = violations


class DataError(HomeoError):
    """A recording is missing, damaged, or not what its YAML says."""


class NotApplicable(DataError):
    """A metric has nothing to measure in this activity; the text becomes the reason in the comparison."""


class ContractError(HomeoError):
    """A dataset breaks the schema that it claims to follow."""

    def __init__(self, *violations: str) -> None:
        super().__init__("\n".join(violations))
        self.violations = violations


class SimulationError(HomeoError):
    """A simulation blew up, or did not do what its protocol promises: says when, which unit, which value.

    activity: activity/1 of what was simulated till then, where a run was stopped in the middle; else None.
    """

    activity: "xr.Dataset | None" = None
