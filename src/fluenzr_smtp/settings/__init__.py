"""From what a person said and what a preset knows to an account: pure, and complete or refused.

Nothing is asked and nothing is looked up here; what is missing is named, so that the caller can ask for it.
The names are loaded on first use.
"""

from typing import TYPE_CHECKING

from fluenzr_smtp.late import loader

if TYPE_CHECKING:
    from fluenzr_smtp.settings.accounts import (
        Choices,
        build_account,
        change_account,
        checked,
        unsupported,
        username_of,
        with_remedy,
    )
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
    "unsupported",
    "username_of",
    "with_remedy",
]

__getattr__ = loader(
    __name__,
    {
        "Choices": "accounts",
        "OWN": "limits",
        "ServerChoice": "servers",
        "build_account": "accounts",
        "change_account": "accounts",
        "checked": "accounts",
        "choose_endpoint": "servers",
        "is_loopback": "servers",
        "limits_in_force": "limits",
        "parse_host": "servers",
        "parse_limits": "limits",
        "parse_pause": "limits",
        "parse_port": "servers",
        "parse_security": "servers",
        "parse_server": "servers",
        "parse_span": "limits",
        "unsupported": "accounts",
        "username_of": "accounts",
        "with_remedy": "accounts",
    },
)
