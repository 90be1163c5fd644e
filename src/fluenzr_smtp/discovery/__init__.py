"""From an address to working settings: the catalogue, the DNS, the domain's own file, the usual names.

Nobody logs in here.
The names are loaded on first use.
"""

from typing import TYPE_CHECKING

from fluenzr_smtp.late import loader

if TYPE_CHECKING:
    from fluenzr_smtp.discovery.origins import Means, Subject
    from fluenzr_smtp.discovery.survey import Survey
    from fluenzr_smtp.discovery.trials import Trials
    from fluenzr_smtp.discovery.upkeep import Checked, Remark, Untried, Upkeep, checked
    from fluenzr_smtp.discovery.values import Candidate, Origin, Proposal, Server, Step, Verdict

__all__ = [
    "Candidate",
    "Checked",
    "Means",
    "Origin",
    "Proposal",
    "Remark",
    "Server",
    "Step",
    "Subject",
    "Survey",
    "Trials",
    "Untried",
    "Upkeep",
    "Verdict",
    "checked",
]

__getattr__ = loader(
    __name__,
    {
        "Candidate": "values",
        "Checked": "upkeep",
        "Means": "origins",
        "Origin": "values",
        "Proposal": "values",
        "Remark": "upkeep",
        "Server": "values",
        "Step": "values",
        "Subject": "origins",
        "Survey": "survey",
        "Trials": "trials",
        "Untried": "upkeep",
        "Upkeep": "upkeep",
        "Verdict": "values",
        "checked": "upkeep",
    },
)
