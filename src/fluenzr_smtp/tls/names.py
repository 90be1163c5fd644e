"""A certificate for another host: how the names differ, and which of them would do."""

from __future__ import annotations

import re
from ipaddress import ip_address

from fluenzr_smtp.tls.certificates import Certificate, is_address

MAX_SUGGESTED = 5

_LABEL = r"(?!-)[a-z0-9_-]{1,63}(?<!-)"
_HOST_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")


def matching_names(certificate: Certificate, host: str) -> tuple[str, ...]:
    """Return the names under which the certificate would hold and that could be used in place of ``host``.

    The nearest come first: those with the most labels in common with ``host`` from the right, then those with
    the same first label. Of a wildcard nothing is known but its domain, so it is taken only with the first
    label of a host that has one to spare: ``mail.customer.test`` and ``*.provider.test`` make
    ``mail.provider.test``. Whether such a host exists is for the resolver to say. At most ``MAX_SUGGESTED``.
    """
    wanted = _canonical(host)
    usable = (_usable(_canonical(name), wanted) for name in _rightful(certificate))
    found = dict.fromkeys(name for name in usable if name and name != wanted)
    ranked = sorted(found, key=lambda name: (-_common_labels(name, wanted), not _same_service(name, wanted)))
    return tuple(ranked[:MAX_SUGGESTED])


def mismatch(certificate: Certificate, host: str) -> str:
    """Say in a word how the names of a certificate differ from ``host``.

    Returns:
        ``no-names``: it has none (a common name alone does not count, RFC 9525 §2);
        ``address-as-name``: it has the very IP address that was given, but written as a host name;
        ``host-is-an-address``: it is for names, and an IP address was given;
        ``other-address``: it is for other IP addresses;
        ``one-label-only``: a wildcard stands for one label, not for more or for none (RFC 9525 §6.3);
        ``same-domain``: it is for another host of the domain;
        ``other-domain``: as where a provider's server is called by a name of the customer's.
    """
    wanted = _canonical(host)
    names = tuple(_canonical(name) for name in _rightful(certificate))
    if wanted in certificate.misplaced_addresses:
        return "address-as-name"
    if not certificate.names:
        return "no-names"
    if is_address(wanted):
        return "other-address" if any(is_address(name) for name in names) else "host-is-an-address"
    if any(f".{wanted}".endswith(name[1:]) for name in names if name.startswith("*.") and "." in name[2:]):
        return "one-label-only"
    if any(_common_labels(name, wanted) >= 2 for name in names):
        return "same-domain"
    return "other-domain"


def covers(certificate: Certificate, host: str) -> bool:
    """Say whether the certificate is for ``host`` as OpenSSL sees it: a wildcard is a whole first label."""
    wanted = _canonical(host)
    names = {_canonical(name) for name in _rightful(certificate)}
    if is_address(wanted):
        return str(ip_address(wanted)) in names  # as the certificate's are written
    if wanted in names:
        return True
    label, _, domain = wanted.partition(".")
    return bool(label) and "." in domain and f"*.{domain}" in names


def _rightful(certificate: Certificate) -> tuple[str, ...]:
    return tuple(name for name in certificate.names if name not in certificate.misplaced_addresses)


def _usable(name: str, host: str) -> str:
    if is_address(name):
        return name
    if name.startswith("*."):
        label, _, domain = host.partition(".")
        has_one_to_spare = "." in domain and "." in name[2:] and not is_address(host)
        name = f"{label}.{name[2:]}" if has_one_to_spare else ""
    return name if len(name) <= 253 and _HOST_NAME.fullmatch(name) else ""


def _canonical(name: str) -> str:
    return name.lower().removesuffix(".")


def _same_service(name: str, host: str) -> bool:
    return name.partition(".")[0] == host.partition(".")[0]


def _common_labels(name: str, host: str) -> int:
    """Count the labels that are the same from the right; addresses have none in common."""
    if is_address(name) or is_address(host):
        return 0
    count = 0
    for mine, theirs in zip(reversed(name.split(".")), reversed(host.split(".")), strict=False):
        if mine != theirs:
            break
        count += 1
    return count
