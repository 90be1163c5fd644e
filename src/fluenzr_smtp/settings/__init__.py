"""From what a person said and what a preset knows to an account: pure, and complete or refused.

Nothing is asked and nothing is looked up here; what is missing is named, so that the caller can ask for it.
"""

from fluenzr_smtp.settings.accounts import Choices, build_account, change_account, checked, with_remedy
from fluenzr_smtp.settings.limits import OWN, limits_in_force, parse_limits, parse_pause, parse_span
from fluenzr_smtp.settings.servers import (
    ServerChoice,
    choose_endpoint,
    is_loopback,
    parse_host,
    parse_port,
    parse_security,
    parse_server,
)

__all__ = [
    "OWN",
    "Choices",
    "ServerChoice",
    "build_account",
    "change_account",
    "checked",
    "choose_endpoint",
    "is_loopback",
    "limits_in_force",
    "parse_host",
    "parse_limits",
    "parse_pause",
    "parse_port",
    "parse_security",
    "parse_server",
    "parse_span",
    "with_remedy",
]
