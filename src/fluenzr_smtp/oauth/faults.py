"""What an authorization server's refusal means: rows of its error codes and words, as ``classify`` has them.

RFC 6749 §5.2 and §4.1.2.1, RFC 8628 §3.5; OpenID Connect Core §3.1.2.6; Microsoft's AADSTS codes
(https://learn.microsoft.com/en-us/entra/identity-platform/reference-error-codes, read 2026-11-23); Google's
(https://developers.google.com/identity/protocols/oauth2/native-app, read 2026-11-23).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.model import Secret
from fluenzr_smtp.problems import ProblemCode, Stage
from fluenzr_smtp.veil import Veil

_LONGEST = 300
_MOST = 8192
_UNSEEN = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
_JOINER = "\u034f"  # a mark by its category, and never seen

_code = ProblemCode
# Microsoft's numbers tell more than the word beside them, so they come first.
_NUMBERS: tuple[tuple[ProblemCode, frozenset[str]], ...] = (
    (
        _code.OAUTH_ADMIN_APPROVAL_REQUIRED,
        frozenset({"90094", "900941", "900942", "90095", "50105", "53003"}),
    ),
    (_code.OAUTH_CONSENT_REQUIRED, frozenset({"65001", "65004", "65005"})),
    (
        _code.OAUTH_CLIENT_REJECTED,
        frozenset(
            {"700016", "7000215", "7000222", "7000218", "700025", "7000112", "50011", "650057", "700030"}
        )
        | frozenset({"90002", "650053", "9002332", "50194", "700027", "7000114", "650052", "70001"}),
    ),
    (_code.OAUTH_TOKEN_EXPIRED, frozenset({"70008", "700082", "700084", "50173", "50076", "50078", "50079"})),
)
_WORDS: dict[str, ProblemCode] = {
    "invalid_grant": _code.OAUTH_TOKEN_EXPIRED,
    "login_required": _code.OAUTH_TOKEN_EXPIRED,
    "invalid_token": _code.OAUTH_TOKEN_EXPIRED,
    "interaction_required": _code.OAUTH_CONSENT_REQUIRED,
    "account_selection_required": _code.OAUTH_CONSENT_REQUIRED,
    "consent_required": _code.OAUTH_CONSENT_REQUIRED,
    "admin_policy_enforced": _code.OAUTH_ADMIN_APPROVAL_REQUIRED,
    "org_internal": _code.OAUTH_ADMIN_APPROVAL_REQUIRED,
    "invalid_client": _code.OAUTH_CLIENT_REJECTED,
    "unauthorized_client": _code.OAUTH_CLIENT_REJECTED,
    "deleted_client": _code.OAUTH_CLIENT_REJECTED,
    "disabled_client": _code.OAUTH_CLIENT_REJECTED,
    "invalid_scope": _code.OAUTH_CLIENT_REJECTED,
    "unsupported_grant_type": _code.OAUTH_CLIENT_REJECTED,
    "unsupported_response_type": _code.OAUTH_CLIENT_REJECTED,
    "redirect_uri_mismatch": _code.OAUTH_CLIENT_REJECTED,
    "invalid_request": _code.OAUTH_CLIENT_REJECTED,
    "server_error": _code.OAUTH_PROVIDER_FAILED,
    "temporarily_unavailable": _code.OAUTH_PROVIDER_FAILED,
}
_NUMBER = re.compile(r"AADSTS([0-9]{5,8})")
_PHRASES: tuple[tuple[ProblemCode, re.Pattern[str]], ...] = (
    (
        _code.OAUTH_ADMIN_APPROVAL_REQUIRED,
        re.compile(r"admin(?:istrator)?(?:'s)? (?:consent|approval)", re.IGNORECASE),
    ),
    (_code.OAUTH_CONSENT_REQUIRED, re.compile(r"\bconsent", re.IGNORECASE)),
)


def refusal(
    host: str, error: str, description: str, *, secrets: Iterable[Secret | None] = ()
) -> FluenzrError:
    """Build the error that a refusal means; of its words the secrets are struck out."""
    code = _meaning(error, description)
    said = f"{error}: {description}" if description else error
    # First the veil: of a secret that was cut short, or whose escapes were changed, it knows less.
    veiled = Veil(*filter(None, secrets)).over(said[:_MOST])
    return failure(code, Stage.OAUTH, host=host, status=_tidy(veiled))


def _tidy(said: str) -> str:
    """Return a server's words in one short line without invisible characters."""
    said = " ".join("".join(each if _is_seen(each) else " " for each in said).split())
    return said if len(said) <= _LONGEST else f"{said[:_LONGEST]}…"


def _is_seen(character: str) -> bool:
    return unicodedata.category(character) not in _UNSEEN and character != _JOINER


def _meaning(error: str, description: str) -> ProblemCode:
    numbers = set(_NUMBER.findall(description))
    for code, known in _NUMBERS:
        if numbers & known:
            return code
    if error in {"invalid_grant", "access_denied", "interaction_required"}:
        for code, phrase in _PHRASES:
            if phrase.search(description):
                return code
    return _WORDS.get(error, _code.OAUTH_SIGN_IN_FAILED)
