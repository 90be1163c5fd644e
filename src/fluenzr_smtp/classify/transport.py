"""Errors of the system, of TLS and of DNS as programs print them, where no server has replied. Rows.

Sources: strerror(3), gai_strerror(3), openssl-verify(1), ssl/ssl_err.c of OpenSSL, crypto/x509 and net
of Go, the error codes of Node.js, Winsock, Outlook and NSS, JSSE, smtplib, nodemailer, PHPMailer, curl,
msmtp, swaks, mutt and Postfix.
"""

from __future__ import annotations

from dataclasses import dataclass

from fluenzr_smtp.classify.evidence import compiled
from fluenzr_smtp.problems import ProblemCode, Stage

_code = ProblemCode


@dataclass(frozen=True, slots=True)
class TransportRow:
    """Words of a program's that name a failure before any server has spoken."""

    pattern: str
    code: ProblemCode
    stage: Stage


def _row(code: ProblemCode, stage: Stage, *words: str) -> TransportRow:
    return TransportRow("|".join(words), code, stage)


# A number of curl's tells what failed, whatever words follow it.
_CURL: tuple[TransportRow, ...] = (
    _row(_code.AUTH_REJECTED, Stage.AUTH, r"curl: \(67\)"),
    _row(_code.REPLY_MALFORMED, Stage.GREETING, r"curl: \(8\)|weird server reply"),
)

_CERTIFICATES: tuple[TransportRow, ...] = (
    _row(
        _code.TLS_CERTIFICATE_NOT_YET_VALID,
        Stage.TLS,
        r"(?:expired or is not yet valid.{0,80}is before)",
        r"(?<!expired or is )not yet valid|not valid yet|notyetvalid|cert_not_yet_valid",
    ),
    _row(
        _code.TLS_CERTIFICATE_EXPIRED,
        Stage.TLS,
        r"certificate (?:has |is |was )?expired|cert_has_expired|certificateexpired|expired certificate"
        r"|(?:validity|timestamp) check failed"
        r"|expired[_ ](?:issuer[_ ])?certificate|(?<!\w)-8181\b|invalid peer certificate: expired"
        r"|certificate.{0,40}\bexpired\b|certificat.{0,40}expire|zertifikat.{0,40}abgelaufen",
    ),
    _row(
        _code.TLS_CERTIFICATE_WRONG_HOST,
        Stage.TLS,
        r"(?:host ?name|ip address|name|host)(?: in certificate)? ?mismatch|mismatch.{0,20}host",
        r"(?:certificate|cert|host ?name|subject|common name|altname).{0,80}(?:does(?:n't| not)|didn't"
        r"|did not|not) match",
        r"certificate is (?:not )?valid (?:for|only)|altname|no alternative certificate subject"
        r"|no subject alternative|legacy common name",
        r"doesn't contain any ip sans|certificate subject name|cert(?:ificate)? .{0,20}name mismatch"
        r"|not valid for (?:the )?name|no name matching|target principal name",
        r"bad_cert_domain|(?<!\w)-12276\b",  # NSS, of Thunderbird, counts down from -12288 and -8192
    ),
    _row(  # What a certificate may be used for, and how it is made; before "not trusted", which adds to it.
        _code.TLS_CERTIFICATE_INVALID,
        Stage.TLS,
        r"path[ _]?len(?:gth)?[ _]?(?:constraint|exceeded)|basic constraints|\binvalid_ca\b|key identifier",
        r"invalid_purpose|certificate purpose|key[ _]?usage|unhandled[ _]critical|not a ca certificate",
        r"subtree violation|(?:permitted|excluded)_violation|name[ _]constraints?\b|algorithm constraints",
        r"(?:certificate key|digest algorithm) too weak|\b(?:ee|ca)[ _](?:key|md)[ _]too[ _](?:small|weak)",
        r"cert_(?:signature_failure|revoked|rejected|chain_too_long)|uses insecure algorithm",
    ),
    _row(
        _code.TLS_CERTIFICATE_CHAIN_INCOMPLETE,
        Stage.TLS,
        r"unable to verify the (?:first|leaf)|unable_to_verify_leaf|incomplete (?:certificate )?chain",
    ),
    _row(
        _code.TLS_CERTIFICATE_UNKNOWN_ISSUER,
        Stage.TLS,
        r"self[- _]?signed[ _]cert(?:ificate)?[ _]in[ _]",
        r"unable[ _]to[ _]get[ _](?:local[ _])?issuer|unknown (?:authority|ca\b|issuer"
        r"|certificate authority)|unknown_ca",
        r"pkix path building|valid certification path|unknownissuer|unknown_issuer|issuer certificate"
        r"|untrusted|not trusted"
        r"|trust anchor|not issued by a trusted|hasn't got a known issuer|(?<!\w)-8179\b|(?<!\w)-8172\b",
    ),
    _row(_code.TLS_CERTIFICATE_SELF_SIGNED, Stage.TLS, r"self[- _]?signed"),
    _row(
        _code.TLS_CERTIFICATE_INVALID,
        Stage.TLS,
        r"certificate[ _]verify[ _]failed|certificate.{0,40}(?:invalid|problem|error|revoked|rejected"
        r"|not valid|fail)",
        r"(?:bad|invalid|revoked|unable to verify|verify|verification of).{0,20}certificate"
        r"|sslcertverification|x509:",
        r"peer certificate|remote certificate is invalid|server certificate",
        r"certificate that cannot be verified|cannot verify server identity|pkix path",
    ),
)

_TLS: tuple[TransportRow, ...] = (
    _row(
        _code.TLS_STARTTLS_NOT_OFFERED,
        Stage.TLS,
        r"starttls(?: \w+){0,3}? (?:is )?(?:not|unsupported)(?: \w+)? ?(?:supported|available|offered"
        r"|advertised|by|enabled)?",
        r"(?:does(?:n't| not)|did(?:n't| not)|not) (?:support|offer|advertise|announce) (?:starttls|tls"
        r"|encryption)",
        r"(?:starttls|tls) .{0,20}(?:doesn't|does not|didn't|did not|not) (?:offer|support|advertise)",
        r"(?:not|n't) f(?:ou|i)nd starttls|requested ssl level failed",
        r"not support (?:ssl-|tls-|the )?(?:secured? connections|connection encryption)|0x800ccc(?:1a|7d)",
        r"(?:starttls|tls) is required,? but|no starttls|lacks starttls|starttls (?:unavailable"
        r"|failed to be offered)",
    ),
    _row(
        _code.TLS_IMPLICIT_ON_STARTTLS_PORT,
        Stage.TLS,
        r"wrong[ _]version[ _]number|does not look like a tls|record[ _]layer[ _]failure"
        r"|packet[ _]length[ _]too[ _]long",
        r"unknown[ _]protocol|http[ _]request|unrecognized ssl message|plaintext connection\?"
        r"|ssl3_get_record|not an? (?:ssl|tls)",
        r"invalid ?content ?type|received corrupt message"
        r"|oversized (?:tls )?record|record_too_long|(?<!\w)-12263\b"
        r"|unexpected tls packet"
        r"|frame size or|illegal or unsupported version was received",  # GnuTLS, of a reply in plain text
    ),
    _row(
        _code.TLS_STARTTLS_ON_IMPLICIT_PORT,
        Stage.GREETING,
        r"response: -1\b|\\x15\\x03|\x15\x03|speaking plain .{0,20}(?:tls|ssl)",
    ),
    _row(
        _code.TLS_PROTOCOL_TOO_OLD,
        Stage.TLS,
        r"unsupported[ _](?:protocol|version)|protocol[ _]version|no[ _](?:supported )?protocols?[ _]"
        r"(?:available|in common)|version[ _]too[ _]low",
        r"dh[ _]key[ _]too[ _]small|legacy[ _]sigalg|no appropriate protocol|(?:tls|ssl) ?version"
        r"|inappropriate_fallback|unsafe[ _]legacy[ _]renegotiation",
    ),
    _row(
        _code.TLS_HANDSHAKE_CUT,
        Stage.TLS,
        r"eof occurred in violation|unexpected[ _]eof while reading|unexpected_eof|ssl_error_syscall"
        r"|ssl_error_zero_return",
        r"handshake.{0,60}(?:\beof\b|reset|closed|terminated|cut)|(?:terminated|closed|reset"
        r"|eof).{0,40}handshake",
        r"non-properly terminated|disconnected before secure|sslzeroreturn"
        r"|(?:tls/ssl|ssl/tls|tls|ssl) connection has been closed",
    ),
    _row(
        _code.REPLY_TIMEOUT,
        Stage.TLS,
        r"handshake.{0,40}(?:timed? ?-?out)",
    ),
    _row(
        _code.TLS_HANDSHAKE_FAILED,
        Stage.TLS,
        r"handshake|sslv3_alert|sslv3 alert|tls alert|\balert (?:internal|number)|no[ _]shared[ _]cipher"
        r"|no cipher|cipher mismatch",
        r"\bssl(?:error|exception|routines|_connect)|ssl: |\bssl (?:error|connection error|routines)"
        r"|convert socket to tls",
        r"tls (?:error|connection failed|negotiation|failed|setup)|cannot start tls|starttls failed"
        r"|negotiate (?:a )?tls"
        r"|crypto.{0,20}failed|error: tls: ",  # what Go puts before an alert
    ),
)

_NAMES: tuple[TransportRow, ...] = (
    _row(
        _code.DNS_UNAVAILABLE,
        Stage.RESOLVE,
        r"temporary failure in name resolution|eai_again|servfail|errno -3\b|host not found, try again"
        r"|name ?server.{0,40}"
        r"(?:fail|time|unavail|not respon)|(?:dns|resol\w+|look-?up).{0,40}(?:timed? ?-?out|server failure"
        r"|temporary)|no servers could"
        r" be reached|server misbehaving",
    ),
    _row(
        _code.DNS_HOST_UNKNOWN,
        Stage.RESOLVE,
        r"name or service not known|nodename nor servname|getaddrinfo|enotfound|eai_noname|nxdomain"
        r"|no such host|host not found"
        r"|unknown[ _]?(?:smtp |imap |mail )?host|(?:find|locate) (?:the )?host\b"
        r"|host .{1,80}could not be found|0x800ccc0d"
        r"|(?:could not|couldn't|unable to|cannot|can't|failed to) (?:be )?resolve"
        r"|name does not resolve|no address associated"
        r"|errno -[25]\b|\b11001\b|domain name not found|non-?existent domain|name resolution|no (?:a|aaaa"
        r"|dns) record|unresolvable"
        r"|host unknown|hostname (?:is )?(?:invalid|not found|could not)|gethostbyname|remote name could not",
    ),
)

_CONNECTIONS: tuple[TransportRow, ...] = (
    _row(
        _code.CONNECT_REFUSED,
        Stage.CONNECT,
        r"connection[ _](?:was )?refused|econnrefused|connectionrefused|errno[ =](?:111|61|10061)\b|\b10061\b"
        r"|actively refused|refused the connection"
        r"|connexion refusee|conexion rechazada|conexao recusada|verbindung(?:saufbau)? (?:verweigert"
        r"|abgelehnt)|refused to connect"
        r"|port (?:is )?closed|接続(?:が)?拒否|подключении отказано",
    ),
    _row(
        _code.CONNECT_UNREACHABLE,
        Stage.CONNECT,
        r"(?:network|host|address|destination)(?: \w+)? (?:is |was )?(?:unreachable|down)|no route to host"
        r"|e(?:net|host)unreach"
        r"|errno (?:101|113|65|51|10051|10065)\b|\b100(?:51|65)\b|noroutetohost"
        r"|cannot assign requested address",
    ),
    _row(
        _code.REPLY_TIMEOUT,
        Stage.GREETING,
        r"(?:read|reading|reply|response|greeting|command|data|banner)(?: \w+){0,3} timed? ?-?out"
        r"|timed? ?-?out.{0,40}"
        r"(?:reading|waiting for (?:the )?(?:greeting|response|reply|server)|greeting|response)"
        r"|greeting never received",
    ),
    _row(
        _code.CONNECT_TIMEOUT,
        Stage.CONNECT,
        r"timed? ?-?out(?! -1)|etimedout|0x800ccc19|0x8004210[ab]"
        r"|errno (?:110|60|10060)\b|\b10060\b|deadline exceeded"
        r"|did not (?:properly )?respond"
        r"|zeituberschreitung|delai .{0,20}depasse|tiempo de espera|tempo (?:limite|esgotado)|タイムアウト"
        r"|время ожидания",
    ),
    _row(
        _code.AUTH_NOT_OFFERED,
        Stage.AUTH,
        r"usable authentication method|smtp auth extension not supported"
        r"|(?:does(?:n't| not)|did(?:n't| not)|not) (?:support|offer"
        r"|advertise) (?:smtp )?auth"
        r"|no (?:suitable|supported|common) auth\w* (?:method|mechanism)|no authentication mechanisms?",
    ),
    _row(
        _code.AUTH_MECHANISM_UNSUPPORTED,
        Stage.AUTH,
        r"not support the selected auth\w* method|cannot use a secure auth\w* method"
        r"|no authenticators available",
    ),
    _row(
        _code.AUTH_REJECTED,
        Stage.AUTH,
        r"no authentication type succeeded|0x800ccc9[02]|(?:server )?rejected your login",
    ),
    _row(_code.TLS_REQUIRED, Stage.AUTH, r"\bunencrypted connection\b"),
    _row(
        _code.NOT_A_MAIL_SERVER,
        Stage.GREETING,
        r"^http/\d|^ssh-\d|<!doctype|<html|^\+ok\b",
    ),
    _row(
        _code.CONNECTION_LOST,
        Stage.GREETING,
        r"(?:connection|socket|stream|session)(?: \w+){0,3} (?:closed|lost|reset|aborted|dropped|terminated"
        r"|broken|ended)"
        r"|econnreset|econnaborted|epipe|broken pipe|errno (?:104|103|32|54|10053|10054)\b|\b1005[34]\b"
        r"|connectionreset|lost connection"
        r"|server (?:closed|disconnected|hung up)|remote (?:end|host) closed|serverdisconnected"
        r"|forcibly closed|\beof\b|\[eof\]"
        r"|connection to .{1,80}\b(?:was lost|closed|dropped|reset)|net_reset|empty reply|0x800ccc0f"
        r"|terminated the connection|(?<!\w)-5961\b"
        r"|socket (?:hang up|close)|not connected|please run connect",
    ),
    _row(
        _code.CONNECT_REFUSED,
        Stage.CONNECT,
        r"(?:could not|couldn't|failed to|unable to|cannot|can't|not) (?:be )?connect"
        r"|connect(?:ion)?(?:\(\))? (?:attempt )?failed|connect(?:ing|ion) to .{1,80}\bfailed"
        r"|0x800ccc(?:0e|15)|0x80042109"
        r"|mailconnectexception|cannot reach|connection could not be established",
    ),
    _row(_code.TLS_HANDSHAKE_FAILED, Stage.TLS, r"\btls: "),  # Go, where no row knows its words
)

ROWS: tuple[TransportRow, ...] = (*_CURL, *_CERTIFICATES, *_TLS, *_NAMES, *_CONNECTIONS)

# How programs write one of Bridge's ports on this machine.
_BRIDGE = r"(?:127\.0\.0\.1|localhost|::1)\]?.{0,24}\b(?:1025|1143)\b|bridge"


def named_failure(words: str) -> tuple[ProblemCode, Stage] | None:
    """Name the failure that a program prints, with the stage it belongs to; None if the words name none.

    Args:
        words: The text as ``evidence.words_of`` returns it.
    """
    found = next((row for row in ROWS if compiled(row.pattern).search(words)), None)
    if found is None:
        return None
    if found.code is ProblemCode.CONNECT_REFUSED and compiled(_BRIDGE).search(words):
        return ProblemCode.BRIDGE_NOT_RUNNING, found.stage
    return found.code, found.stage
