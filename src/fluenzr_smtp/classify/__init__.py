"""From what a server says, or a program prints, to the problem it means: rows of data, pure and total.

Evidence is weighed in this order: the provider's or the software's own words, the words of all servers,
the enhanced status code in its stage (RFC 3463, RFC 7372), the reply code in its stage (RFC 5321 §4.2,
RFC 4954 §6), and last the class of the code. New knowledge is a new row, never an ``if`` at the call.

``texts*`` and ``providers`` have the words, ``codes`` the numbers, ``transport`` the errors of the system,
of TLS and of DNS as programs print them; ``weighing`` compares, ``pasted`` reads what a person pastes.
Nothing here reads, writes or waits.

The names are loaded on first use: where all goes well, none of this is needed.
"""

from typing import TYPE_CHECKING

from fluenzr_smtp.late import loader

if TYPE_CHECKING:
    from fluenzr_smtp.classify.pasted import explain
    from fluenzr_smtp.classify.providers import SERVERS
    from fluenzr_smtp.classify.stages import STAGE_NAMES
    from fluenzr_smtp.classify.weighing import classify, refined, refused_code

__all__ = ["SERVERS", "STAGE_NAMES", "classify", "explain", "refined", "refused_code"]

__getattr__ = loader(
    __name__,
    {
        "explain": "pasted",
        "SERVERS": "providers",
        "STAGE_NAMES": "stages",
        "classify": "weighing",
        "refined": "weighing",
        "refused_code": "weighing",
    },
)
