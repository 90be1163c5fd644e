"""Which key the environment names: a variable, a credential of systemd, else the OS keyring."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from fluenzr_smtp.errors import FluenzrError, failure
from fluenzr_smtp.model import Secret
from fluenzr_smtp.problems import ProblemCode, Stage
from fluenzr_smtp.vault.format import KEY_BYTES
from fluenzr_smtp.vault.recovery import RecoveryCode
from fluenzr_smtp.vault.sources import Keychain, KeyringKey, KeySource, PassphraseKey, RawKey, RecoveryKey

KEY = "FLUENZR_VAULT_KEY"
KEY_FILE = "FLUENZR_VAULT_KEY_FILE"
PASSPHRASE = "FLUENZR_VAULT_PASSPHRASE"  # noqa: S105 - the name of a variable
PASSPHRASE_FILE = "FLUENZR_VAULT_PASSPHRASE_FILE"  # noqa: S105
RECOVERY_CODE_FILE = "FLUENZR_VAULT_RECOVERY_CODE_FILE"
CREDENTIALS = "CREDENTIALS_DIRECTORY"  # systemd.exec(5), "Credentials"
KEY_CREDENTIAL = "fluenzr-vault-key"
PASSPHRASE_CREDENTIAL = "fluenzr-vault-passphrase"  # noqa: S105

_VARIABLES = (KEY, KEY_FILE, PASSPHRASE, PASSPHRASE_FILE, RECOVERY_CODE_FILE)
_SECRET_LIMIT_BYTES = 64 * 1024
_HEX_KEY = re.compile(rf"[0-9A-Fa-f]{{{2 * KEY_BYTES}}}")
_BASE64_KEY = re.compile(r"[0-9A-Za-z+/_-]{43}=?")


def key_source(environ: Mapping[str, str], keychain: Callable[[], Keychain]) -> KeySource:
    """Choose where the key comes from: a variable wins over a credential, and that over the keyring.

    At most one of ``FLUENZR_VAULT_KEY``, ``…_KEY_FILE``, ``…_PASSPHRASE``, ``…_PASSPHRASE_FILE`` and
    ``…_RECOVERY_CODE_FILE``; one that is set but empty counts as set. Else ``fluenzr-vault-key`` or
    ``fluenzr-vault-passphrase`` in ``$CREDENTIALS_DIRECTORY``. Only then ``keychain`` is called.

    Raises:
        FluenzrError: ``environment-invalid`` (two at once, or not a key), ``secret-empty``,
            ``secret-malformed``, ``recovery-code-malformed``, ``file-missing``, ``file-unreadable``.
    """
    named = names_key(environ)
    if named is None:
        return KeyringKey(keychain())
    if named == KEY:
        return RawKey(parse_key(environ[KEY]))
    if named == PASSPHRASE:
        return PassphraseKey(Secret(environ[PASSPHRASE]))
    path = str(_credential(environ, named)) if named not in _VARIABLES else environ[named]
    if not path:
        raise _invalid(named, "empty")
    content = _content(path)
    if named in (KEY_FILE, KEY_CREDENTIAL):
        return RawKey(_key_of_file(content, variable=named))
    if named == RECOVERY_CODE_FILE:
        return RecoveryKey(RecoveryCode.parse(_text(content, path)))
    return PassphraseKey(Secret(_without_line_end(_text(content, path))))


def names_key(environ: Mapping[str, str]) -> str | None:
    """Return what names the key: the variable, or the name of the credential; None: the keyring is asked.

    Raises:
        FluenzrError: ``environment-invalid`` where it is more than one, ``file-unreadable``.
    """
    for named in (
        tuple(name for name in _VARIABLES if name in environ),
        tuple(
            name for name in (KEY_CREDENTIAL, PASSPHRASE_CREDENTIAL) if _credential(environ, name) is not None
        ),
    ):
        if len(named) > 1:
            # Which one was meant is not ours to guess: the other may be what opens the vault.
            raise _invalid(named[1], "more-than-one", others=named)
        if named:
            return named[0]
    return None


def parse_key(text: str, *, variable: str = KEY) -> bytes:
    """Read a key: 64 hexadecimal digits, or base64 (also the URL alphabet) of 32 bytes.

    Raises:
        FluenzrError: ``environment-invalid``; the text is not in it.
    """
    stripped = text.strip()
    if _HEX_KEY.fullmatch(stripped):
        return bytes.fromhex(stripped)
    if _BASE64_KEY.fullmatch(stripped):
        standard = stripped.rstrip("=").translate(str.maketrans("-_", "+/"))
        return base64.b64decode(f"{standard}=", validate=True)
    raise _invalid(variable, "not-a-key")


def _credential(environ: Mapping[str, str], name: str) -> Path | None:
    """Return the file of a credential where the service has one; the folder may be there for others."""
    folder = environ.get(CREDENTIALS)
    if not folder:
        return None
    path = Path(folder) / name
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise _unreadable(str(path), error) from error
    return path


def _key_of_file(content: bytes, *, variable: str) -> bytes:
    """Return a key that is in the file as it is, or spelled out.

    Thirty-two bytes that are all letters and digits are no random key but half of one in hexadecimal digits.
    """
    if len(content) == KEY_BYTES and not (content.isascii() and content.decode("ascii").isprintable()):
        return content
    return parse_key(content.decode("utf-8", "replace"), variable=variable)


def _content(name: str) -> bytes:
    """Return what is in the file; a pipe will do as well."""
    try:
        with Path(name).open("rb") as file:
            content = file.read(_SECRET_LIMIT_BYTES + 1)
    except FileNotFoundError as error:
        raise failure(ProblemCode.FILE_MISSING, Stage.INPUT, path=name) from error
    except OSError as error:
        raise _unreadable(name, error) from error
    if len(content) > _SECRET_LIMIT_BYTES:
        raise failure(ProblemCode.SECRET_MALFORMED, Stage.VAULT, path=name, reason="too-long")
    return content


def _text(content: bytes, path: str) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        # Not chained: the exception quotes the bytes.
        raise failure(ProblemCode.SECRET_MALFORMED, Stage.VAULT, path=path, reason="not-utf-8") from None


def _without_line_end(text: str) -> str:
    return text.removesuffix("\n").removesuffix("\r") if text.endswith("\n") else text


def _unreadable(path: str, error: OSError) -> FluenzrError:
    reason = error.strerror or type(error).__name__
    return failure(ProblemCode.FILE_UNREADABLE, Stage.INPUT, path=path, reason=reason)


def _invalid(variable: str, reason: str, *, others: tuple[str, ...] = ()) -> FluenzrError:
    facts = {"others": others} if others else {}
    return failure(
        ProblemCode.ENVIRONMENT_INVALID, Stage.CONFIGURATION, None, variable=variable, reason=reason, **facts
    )
