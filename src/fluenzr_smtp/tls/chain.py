"""A chain that leads to no trusted root: did the server leave a link out, or is the root unknown?

OpenSSL says the same of both ("unable to get local issuer certificate"), but one is mended by who runs the
server and the other by who trusts it. What was served, and the names of the trusted roots, tell them apart.
"""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.model import Endpoint
from fluenzr_smtp.problems import ProblemCode
from fluenzr_smtp.tls.certificates import Certificate, read_certificate

_MAX_OWN_ROOTS = 10  # more are a collection of the public ones, whatever the file is called
_MAX_STORE_FILES = 1000
_MAX_STORE_BYTES = 4 << 20

_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----")
_HASHED = re.compile(r"[0-9a-f]{8}\.[0-9]+")  # what OpenSSL reads of a folder (openssl-rehash(1))
_WORD = re.compile(r"[^\W_]{3,}")
_UNKNOWN = ProblemCode.TLS_CERTIFICATE_UNKNOWN_ISSUER
_INCOMPLETE = ProblemCode.TLS_CERTIFICATE_CHAIN_INCOMPLETE

_SAYS_ROOT = frozenset({"root"})
_SAYS_INTERMEDIATE = frozenset({
    "ica", "int", "inter", "intermediate", "issuing", "signing", "sub", "subca", "subordinate",
})  # fmt: skip
# Words that two authorities may have in common without being related.
_COMMON_WORDS = _SAYS_ROOT | _SAYS_INTERMEDIATE | frozenset({
    "and", "authority", "cert", "certificate", "certificates", "certification", "class", "ecc", "ecdsa",
    "email", "global", "gmbh", "inc", "internal", "issuer", "limited", "llc", "local", "ltd", "mail",
    "network", "private", "public", "rsa", "secure", "security", "server", "services", "sha256", "ssl",
    "system", "test", "testing", "the", "tls", "trust", "trusted",
})  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Roots:
    """What is trusted; ``own`` are the few among them that somebody chose, not the system's collection."""

    certificates: tuple[Certificate, ...] = ()
    own: tuple[Certificate, ...] = ()

    @property
    def subjects(self) -> frozenset[str]:
        """Return their names."""
        return frozenset(each.subject for each in self.certificates)

    @property
    def organizations(self) -> frozenset[str]:
        """Return the organisations that run them, in small letters."""
        return frozenset(each.organization.casefold() for each in self.certificates if each.organization)

    @property
    def words(self) -> frozenset[str]:
        """Return the telling words of the names of one's own."""
        names = (f"{each.common_name} {each.organization}" for each in self.own)
        return frozenset(word for name in names for word in _telling_words(name))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Gap:
    """Where the way up ends: nobody sent the issuer of ``end``; ``others`` were served beside the way."""

    end: Certificate
    others: tuple[Certificate, ...]
    roots: Roots

    def has_namesake(self) -> bool:
        """The issuer has the name of a trusted root and is not it: another authority of the same name."""
        return self.end.issuer in self.roots.subjects

    def is_below_a_root(self) -> bool:
        """The issuer calls itself a root: servers need not send one (RFC 8446 §4.4.2), clients know it."""
        return bool(_issuer_words(self.end) & _SAYS_ROOT)

    def has_stray_authorities(self) -> bool:
        """Authorities were sent, but not the one between: a wrong one, or the root without it."""
        return any(each.is_authority for each in self.others)

    def tells_where_the_issuer_is(self) -> bool:
        """It must where the authority is public (CA/Browser Forum, Baseline Requirements §7.1.2.7.7)."""
        return bool(self.end.issuers_url)

    def is_below_an_intermediate(self) -> bool:
        """The issuer calls itself one between."""
        return bool(_issuer_words(self.end) & _SAYS_INTERMEDIATE)

    def is_of_a_trusted_organization(self) -> bool:
        """A trusted root is of the issuer's organisation."""
        return self.end.issuer_organization.casefold() in self.roots.organizations

    def is_like_a_root_of_ones_own(self) -> bool:
        """Somebody named a root of their own, and the issuer's name is like it."""
        issuer = f"{self.end.issuer_common_name} {self.end.issuer_organization}"
        return bool(_telling_words(issuer) & self.roots.words)


# The signs that the root is not known, or that a link is missing. The first that holds decides.
_SIGNS: tuple[tuple[Callable[[_Gap], bool], ProblemCode], ...] = (
    (_Gap.has_namesake, _UNKNOWN),
    (_Gap.is_below_a_root, _UNKNOWN),
    (_Gap.has_stray_authorities, _INCOMPLETE),
    (_Gap.tells_where_the_issuer_is, _INCOMPLETE),
    (_Gap.is_below_an_intermediate, _INCOMPLETE),
    (_Gap.is_of_a_trusted_organization, _INCOMPLETE),
    (_Gap.is_like_a_root_of_ones_own, _INCOMPLETE),
)


def verdict(code: ProblemCode, chain: tuple[Certificate, ...], endpoint: Endpoint) -> ProblemCode:
    """Tell an incomplete chain from an unknown issuer after a failed verification; other codes stay.

    ``chain`` is what ``served_chain`` saw on a connection made for a look; without it the code stays.

    Going from the server's certificate to its issuer, and so on, as far as the served ones lead:

    - If the way ends in a certificate signed by itself, everything was sent and nobody trusts the end of it:
      ``tls-certificate-self-signed`` if it is the server's own, else ``tls-certificate-unknown-issuer``.
    - If it ends before, the issuer of the last one is missing. Nothing is between where that issuer bears the
      name of a trusted root or calls itself a root: ``tls-certificate-unknown-issuer``.
    - Otherwise it is ``tls-certificate-chain-incomplete`` if authorities were served beside the way, if the
      last one tells where its issuer is to be had (authority information access), if that issuer calls itself
      an intermediate, if a trusted root is of its organisation, or if a root of one's own is trusted
      (``Endpoint.authority``, ``SSL_CERT_FILE``, ``SSL_CERT_DIR``) whose name shares a telling word with it.
    - Without any such sign it is ``tls-certificate-unknown-issuer``.
    """
    if code is not _UNKNOWN or not chain:
        return code
    return verdict_with(chain, trusted_roots(endpoint))


def verdict_with(chain: tuple[Certificate, ...], roots: Roots) -> ProblemCode:
    """Return the verdict on a chain, not empty, that leads to none of these roots. Pure; see ``verdict``."""
    path = path_of(chain)
    end = path[-1]
    if end.is_self_signed:
        return _UNKNOWN if len(path) > 1 else ProblemCode.TLS_CERTIFICATE_SELF_SIGNED
    gap = _Gap(end=end, others=tuple(each for each in chain if each not in path), roots=roots)
    return next((code for holds, code in _SIGNS if holds(gap)), _UNKNOWN)


def is_of_a_namesake(chain: tuple[Certificate, ...], roots: Roots) -> bool:
    """Say whether the issuer at the end of a chain, not empty, is a namesake of a trusted root.

    The chain leads to none of the roots, so its key is another: the root was made anew, or somebody borrows
    its name.
    """
    end = path_of(chain)[-1]
    signer = end.issuer_key_id or (end.key_id if end.is_self_signed else "")
    alike = tuple(each for each in roots.certificates if each.subject == end.issuer)
    # With the root's own key the end is trusted, and what is broken is below it.
    return bool(alike) and not any(signer and each.key_id == signer for each in alike)


def path_of(chain: tuple[Certificate, ...]) -> tuple[Certificate, ...]:
    """Return the way from the server's certificate up, issuer by issuer, as far as the served ones lead.

    Servers may send them in any order and others among them (RFC 8446 §4.4.2).
    """
    path = chain[:1]
    while path and not path[-1].is_self_signed:
        above = next((each for each in chain if path[-1].issued_by(each) and each not in path), None)
        if above is None:
            break
        path = (*path, above)
    return path


def trusted_roots(endpoint: Endpoint) -> Roots:
    """Read what is trusted for an endpoint: its authority, or what OpenSSL would read; never fails."""
    if endpoint.authority is not None:
        given = _certificates(endpoint.authority.encode("utf-8", "replace"))
        return Roots(certificates=given, own=_own(given))
    paths = ssl.get_default_verify_paths()
    in_file = _certificates(_content(Path(paths.cafile))) if paths.cafile else ()
    in_folder = _certificates_of_folder(Path(paths.capath)) if paths.capath else ()
    own: tuple[Certificate, ...] = ()
    if not _is_same(paths.cafile, paths.openssl_cafile):  # SSL_CERT_FILE is in force
        own += _own(in_file)
    if not _is_same(paths.capath, paths.openssl_capath):  # SSL_CERT_DIR is
        own += _own(in_folder)
    return Roots(certificates=in_file + in_folder, own=own)


def _is_same(place: str | None, usual: str) -> bool:
    # Debian's own folder, /usr/lib/ssl/certs, is a link to the one that everybody writes, /etc/ssl/certs.
    return place is not None and os.path.realpath(place) == os.path.realpath(usual)


def _own(chosen: tuple[Certificate, ...]) -> tuple[Certificate, ...]:
    return chosen if len(chosen) <= _MAX_OWN_ROOTS else ()


def _certificates_of_folder(folder: Path) -> tuple[Certificate, ...]:
    try:
        files = sorted(each for each in folder.iterdir() if _HASHED.fullmatch(each.name))
    except OSError:
        return ()
    return tuple(found for file in files[:_MAX_STORE_FILES] for found in _certificates(_content(file)))


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(_MAX_STORE_BYTES)
    except OSError:
        return b""


def _certificates(pem: bytes) -> tuple[Certificate, ...]:
    found: list[Certificate] = []
    for block in _PEM.findall(pem):
        with suppress(FluenzrError, ValueError):  # ValueError: what stands between the lines is no base64
            found.append(read_certificate(ssl.PEM_cert_to_DER_cert(block.decode("ascii"))))
    return tuple(found)


def _issuer_words(certificate: Certificate) -> frozenset[str]:
    return frozenset(_WORD.findall(certificate.issuer_common_name.casefold()))


def _telling_words(name: str) -> frozenset[str]:
    return frozenset(_WORD.findall(name.casefold())) - _COMMON_WORDS
