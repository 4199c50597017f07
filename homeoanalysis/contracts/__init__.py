"""The schemas that every step speaks: activity/1, measure/1, comparison/2, sweep/1; and claims/1, of the page over claims.

A schema is data: for each variable its dimensions and its unit. `check` reports all violations at once;
`write` and `open_dataset` are the only way to disk and back.
"""

from homeoanalysis.contracts.checking import check
from homeoanalysis.contracts.schemas import ACTIVITY, COMPARISON, LABELLED, LONG, SIGNALS
from homeoanalysis.contracts.storage import by_replicate, damaged, groups, open_dataset, open_parts, open_replicates, write

__all__ = [
    "ACTIVITY",
    "COMPARISON",
    "LABELLED",
    "LONG",
    "SIGNALS",
    "by_replicate",
    "check",
    "damaged",
    "groups",
    "open_dataset",
    "open_parts",
    "open_replicates",
    "write",
]
