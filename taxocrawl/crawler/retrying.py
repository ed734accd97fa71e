"""What a fault leads to: the same address again, the next one, or the end."""

from taxocrawl.crawler.failures import TLS_PROBLEMS, Fault

BACKOFF_S = (1.0, 4.0, 16.0)

_RETRY_STATUSES = frozenset({"408", "429", "500", "502", "503", "504", "522", "524"})


def backoff_s(tries: int) -> float:
    """Seconds to wait after so many tries, without jitter."""
    return BACKOFF_S[min(tries, len(BACKOFF_S)) - 1]


def reach(fault: Fault) -> int:
    """How far it came. Of several start addresses the one that came furthest tells most."""
    if fault.kind == "dns_failed":
        return 0
    if fault.kind == "connect_failed" or (fault.kind, fault.detail) == ("timeout", "connect"):
        return 1
    return 2


def moves_on(fault: Fault) -> bool:
    """True where another start address may do better."""
    match fault.kind:
        case "connect_failed" | "robots_denied" | "dns_failed":
            return True
        case "tls_failed":  # a bad certificate ends the site, a bad handshake does not
            return fault.detail not in TLS_PROBLEMS
        case "timeout":
            return fault.detail in ("connect", "tls")
        case "http_error":
            return fault.detail not in _RETRY_STATUSES
        case _:
            return False


def is_retried_at_once(fault: Fault) -> bool:
    """True for faults that pass while the same server is there."""
    match fault.kind:
        case "robots_unreachable" | "bad_response":
            return True
        case "dns_failed":
            return fault.detail in ("servfail", "timeout")
        case "timeout":
            return fault.detail in ("headers", "body")
        case "http_error":
            return fault.detail in _RETRY_STATUSES
        case _:
            return False


def is_passing(fault: Fault) -> bool:
    """True where trying all start addresses again soon may help, and costs little."""
    return fault.kind == "connect_failed"
