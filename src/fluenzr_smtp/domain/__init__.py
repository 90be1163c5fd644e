"""What the DNS says about the domain of a sender's address, and what to change there.

Nothing is sent and no mail server is talked to. Parsing is pure: ``spf``, ``dkim``, ``dmarc``, ``transport``.
What is looked up goes through ``lookups``, the one web page that is read through ``policy``.
"""

from fluenzr_smtp.domain.examination import examine_domain
from fluenzr_smtp.domain.policy import PolicyServer

__all__ = ["PolicyServer", "examine_domain"]
