"""Why a fetch gave no page: exceptions and statuses to faults in the words of the outcomes."""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from OpenSSL import SSL
from scrapy.exceptions import (
    DownloadConnectionRefusedError,
    DownloadTimeoutError,
    NotSupported,
    ResponseDataLossError,
    UnsupportedURLSchemeError,
)
from twisted.internet import error as tx_error
from twisted.python.failure import Failure
from twisted.web.http import _MalformedChunkedDataError

from taxocrawl.records import OutcomeKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Why a fetch failed, in the words of the outcomes; `message` is for people."""

    kind: OutcomeKind
    detail: str = ""
    message: str = ""


class FetchError(Exception):
    """A fetch ended without a page. Raised by the guard, the robots rules and the connection."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(f"{fault.kind} ({fault.detail}): {fault.message}")
        self.fault = fault


@dataclass(slots=True, kw_only=True)
class Progress:
    """How far a request came; what the connection saw on the way."""

    connected: bool = False
    secured: bool = False
    received_bytes: int = 0
    answered: bool = False
    header_overflow: bool = False
    handshake_overdue: bool = False
    tls_problem: str = ""


TLS_PROBLEMS = frozenset({"expired", "wrong_host", "self_signed", "untrusted"})
"""What may be wrong with a certificate; the other details of tls_failed come from the handshake."""

_OLD_VERSION = ("unsupported protocol", "protocol version", "no protocols available")


def fault_of(error: BaseException, progress: Progress, *, secure: bool, timeout_s: float) -> Fault:
    """The fault behind whatever Scrapy or Twisted raised."""
    if isinstance(error, FetchError):
        return error.fault
    if progress.header_overflow:
        return Fault(kind="too_large", detail="headers", message="the response header is too long")
    timeouts = DownloadTimeoutError | tx_error.TimeoutError | TimeoutError
    if progress.handshake_overdue or isinstance(error, timeouts):
        return _timeout(progress, secure=secure, timeout_s=timeout_s)
    if isinstance(error, DownloadConnectionRefusedError | tx_error.ConnectionRefusedError):
        return Fault(kind="connect_failed", detail="refused", message="the connection was refused")
    if isinstance(error, UnsupportedURLSchemeError | NotSupported):
        return Fault(kind="redirect_failed", detail="scheme", message=str(error))
    reasons = _reasons(error)
    if secure and not progress.secured and progress.connected:
        return _tls(reasons, progress)
    if not progress.connected:
        return Fault(kind="connect_failed", detail="unreachable", message=_text(reasons[-1]))
    return _bad_response(reasons, progress)


def _timeout(progress: Progress, *, secure: bool, timeout_s: float) -> Fault:
    if not progress.connected:
        detail, message = "connect", "no connection"
    elif secure and not progress.secured:
        detail, message = "tls", "no end of the TLS handshake"
    elif not progress.answered:
        detail, message = "headers", "no complete response header"
    else:
        detail, message = "body", "no end of the body"
    return Fault(kind="timeout", detail=detail, message=f"{message} within {timeout_s:g} s")


def _tls(reasons: list[BaseException], progress: Progress) -> Fault:
    if progress.tls_problem:
        message = f"the certificate is not to be trusted: {progress.tls_problem}"
        return Fault(kind="tls_failed", detail=progress.tls_problem, message=message)
    text = "; ".join(_text(reason) for reason in reasons if isinstance(reason, SSL.Error))
    detail = "old_version" if any(words in text for words in _OLD_VERSION) else "handshake"
    return Fault(kind="tls_failed", detail=detail, message=text or "the TLS handshake was cut off")


def _bad_response(reasons: list[BaseException], progress: Progress) -> Fault:
    message = _text(reasons[-1])
    if any(isinstance(reason, _MalformedChunkedDataError) for reason in reasons):
        return Fault(kind="bad_response", detail="chunks", message=message)
    if any(isinstance(reason, ResponseDataLossError) for reason in reasons):
        detail = "chunks" if "chunk" in message.lower() else "short"
        return Fault(kind="bad_response", detail=detail, message="the body ended early")
    if any(isinstance(r, tx_error.ConnectionLost | tx_error.ConnectionAborted) for r in reasons):
        kind: OutcomeKind = "bad_response" if progress.received_bytes else "connect_failed"
        return Fault(kind=kind, detail="reset", message="the connection was reset")
    if any(isinstance(reason, tx_error.ConnectionDone) for reason in reasons):
        return Fault(kind="bad_response", detail="short", message="closed without a whole answer")
    # A status line that cannot be read is a ParseError; Twisted's other complaint is a length.
    detail = "headers" if any(isinstance(r, ValueError) for r in reasons) else "status_line"
    return Fault(kind="bad_response", detail=detail, message=message)


def _reasons(error: BaseException) -> list[BaseException]:
    """The error and everything that it wraps, outermost first."""
    found: list[BaseException] = []
    todo: list[BaseException | None] = [error]
    while todo:
        one = todo.pop(0)
        if one is None or one in found:
            continue
        found.append(one)
        todo.append(one.__cause__)
        inner = getattr(one, "reasons", None) or ()
        todo.extend(i.value if isinstance(i, Failure) else i for i in inner)
    return found


def _text(error: BaseException) -> str:
    if isinstance(error, SSL.Error) and error.args and isinstance(error.args[0], list):
        return "; ".join(str(part[-1]) for part in error.args[0]) or "the TLS handshake failed"
    return (str(error) or type(error).__name__).splitlines()[0][:300]


def status_fault(status: int) -> Fault | None:
    """The fault of a final status; None for 2xx, and for a 304 that nobody asked for (empty)."""
    if 200 <= status < 300 or status == 304:
        return None
    if 300 <= status < 1000:
        return Fault(kind="http_error", detail=str(status), message=f"HTTP status {status}")
    return Fault(
        kind="bad_response", detail="status_line", message=f"HTTP status {status} is out of range"
    )


def retry_after_s(value: str, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks for (RFC 9110 10.2.3); None where it says nothing."""
    text = value.strip()
    if text.isascii() and text.isdecimal():
        return float(text[:12])
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())
