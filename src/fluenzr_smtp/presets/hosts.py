"""The servers of a record: host names, some of which have a part that differs from account to account."""

from __future__ import annotations

import ipaddress
import re

from fluenzr_smtp.model import Endpoint, Form, Placeholder, Security
from fluenzr_smtp.presets.place import Place, choice, number, table, text

DOMAIN = "domain"
"""The placeholder that needs no question: the domain of the address."""

_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")  # A-labels; "_" is seen in host names
PLACEHOLDER = re.compile(r"\{([a-z]{1,20})\}")
_FORMS = {
    Form.NUMBER: re.compile(r"[0-9]{1,5}"),
    Form.LABEL: re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"),
    Form.HOST: re.compile(
        r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+"
    ),
}


def is_label(name: str) -> bool:
    """Say whether a text is one label of a host name."""
    return _LABEL.fullmatch(name) is not None


def domain(value: object, place: Place) -> str:
    """Return a domain in lower case."""
    name = text(value, place).lower()
    labels = name.split(".")
    # A last label of digits alone would be read as an IPv4 address.
    if len(name) > 253 or labels[-1].isdigit() or not all(map(is_label, labels)):
        raise place.invalid("not-a-host")
    return name


def endpoint(value: object, place: Place) -> Endpoint:
    """Return a server; only this computer may do without encryption."""
    found = table(value, place, mandatory=("host", "port", "encryption"), optional=())
    port = number(found["port"], place.at("port"))
    if not 1 <= port <= 65535:
        raise place.at("port").invalid("not-a-port")
    security = choice(found["encryption"], place.at("encryption"), tuple(Security))
    host = text(found["host"], place.at("host")).lower()
    if _ip_address(host) is None:
        domain(PLACEHOLDER.sub("x", host), place.at("host"))
    if security is Security.NONE and not is_loopback(host):
        raise place.at("encryption").invalid("loopback-only")
    return Endpoint(host=host, port=port, security=security)


def placeholders(value: object, place: Place, endpoints: tuple[Endpoint, ...]) -> tuple[Placeholder, ...]:
    """Return the placeholders of a record; each stands in a host, and each in a host is told of."""
    used = {name for one in endpoints for name in names_in(one.host)} - {DOMAIN}
    found = table(value, place, mandatory=tuple(sorted(used)), optional=())
    return tuple(_placeholder(name, record, place.at(name)) for name, record in found.items())


def names_in(host: str) -> tuple[str, ...]:
    """Return the names of the placeholders in a host."""
    return tuple(PLACEHOLDER.findall(host))


def fits(form: Form, value: str) -> bool:
    """Say whether a value may stand in place of a placeholder of this form."""
    return _FORMS[form].fullmatch(value) is not None


def is_loopback(host: str) -> bool:
    """Say whether a host is this computer."""
    address = _ip_address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def _ip_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return None if "%" in host else ipaddress.ip_address(host)  # no zones: they differ between machines
    except ValueError:
        return None


def _placeholder(name: str, value: object, place: Place) -> Placeholder:
    found = table(value, place, mandatory=("asks", "form", "example"), optional=("known",))
    form = choice(found["form"], place.at("form"), tuple(Form))

    def fitting(one: object, where: Place) -> str:
        wanted = text(one, where)
        if not fits(form, wanted):
            raise where.invalid("not-of-its-form", detail=form.value)
        return wanted

    known = found.get("known", [])
    if not isinstance(known, list):
        raise place.at("known").invalid("not-a-list")
    return Placeholder(
        name=name,
        asks=text(found["asks"], place.at("asks")),
        form=form,
        example=fitting(found["example"], place.at("example")),
        known=tuple(fitting(one, place.at("known").item(at)) for at, one in enumerate(known)),
    )
