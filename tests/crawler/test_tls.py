"""Certificates and handshakes (FAULTS N19)."""

import datetime as dt
import socket
import ssl
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from raw_server import Crawl, page

from taxocrawl.records import Outcome

NOW = dt.datetime.now(dt.UTC)
DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Pair:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def write(self, path: Path) -> Path:
        secret = self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        path.write_bytes(secret + self.certificate.public_bytes(serialization.Encoding.PEM))
        return path


def certify(host: str, *, by: Pair | None, is_ca: bool = False, ends: dt.timedelta = DAY) -> Pair:
    """A certificate for the host, signed by `by` or by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(by.certificate.subject if by else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - 9 * DAY)
        .not_valid_after(NOW + ends)
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(by.key if by else key, hashes.SHA256())
    )
    return Pair(certificate, key)


class TlsServer:
    """Answers every request with one page; without `pem` it never says a word."""

    def __init__(self, pem: Path | None, *, newest: ssl.TLSVersion | None = None) -> None:
        self.context: ssl.SSLContext | None = None
        if pem is not None:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(pem)
            if newest is not None:
                self.context.set_ciphers("ALL:@SECLEVEL=0")
                with warnings.catch_warnings():  # old versions are deprecated, hence this test
                    warnings.simplefilter("ignore", DeprecationWarning)
                    self.context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
                    self.context.maximum_version = newest
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        connection.settimeout(5)
        try:
            if self.context is None:
                while connection.recv(65536):
                    pass
                return
            with self.context.wrap_socket(connection, server_side=True) as secure:
                missing = b"robots.txt" in secure.recv(65536)
                secure.sendall(b"HTTP/1.1 404 No\r\n\r\n" if missing else page())
        except OSError:
            pass
        finally:
            connection.close()

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(5)


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    """Servers by what is wrong with them; the good one's authority is the only one trusted."""
    folder = tmp_path_factory.mktemp("certificates")
    authority = certify("Good authority", by=None, is_ca=True)
    stranger = certify("Unknown authority", by=None, is_ca=True)
    trusted = folder / "trusted.pem"
    trusted.write_bytes(authority.certificate.public_bytes(serialization.Encoding.PEM))
    pems = {
        "good": certify("good.test", by=authority),
        "expired": certify("expired.test", by=authority, ends=-DAY),
        "wrong-host": certify("somebody-else.test", by=authority),
        "self-signed": certify("self-signed.test", by=None),
        "untrusted": certify("untrusted.test", by=stranger),
        "old-version": certify("old-version.test", by=authority),
    }
    servers = {
        name: TlsServer(
            pair.write(folder / f"{name}.pem"),
            newest=ssl.TLSVersion.TLSv1_1 if name == "old-version" else None,
        )
        for name, pair in pems.items()
    }
    servers["silent"] = TlsServer(None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(trusted))
        yield {name: server.port for name, server in servers.items()}
    for server in servers.values():
        server.close()


def crawl_all(
    crawl: Crawl, ports: dict[str, int], names: list[str], **changes: object
) -> dict[str, Outcome]:
    mapping = [f"{name}.test:443:127.0.0.1:{ports[name]}" for name in names]
    crawled = crawl(
        *(f"{n}.test:443" for n in names), connect_to=[*mapping, "::127.0.0.1:1"], **changes
    )
    return {outcome.domain.removesuffix(".test"): outcome for outcome in crawled.outcomes}


def ended(outcome: Outcome) -> tuple[str, str]:
    return outcome.kind, outcome.detail


CERTIFICATES = ["good", "expired", "wrong-host", "self-signed", "untrusted"]


def test_bad_certificate_ends_the_site(crawl: Crawl, ports: dict[str, int]) -> None:
    outcomes = crawl_all(crawl, ports, CERTIFICATES)
    assert {name: ended(outcome) for name, outcome in outcomes.items()} == {
        "good": ("classified", ""),
        "expired": ("tls_failed", "expired"),
        "wrong-host": ("tls_failed", "wrong_host"),
        "self-signed": ("tls_failed", "self_signed"),
        "untrusted": ("tls_failed", "untrusted"),
    }


def test_with_warn_a_bad_certificate_is_noted(crawl: Crawl, ports: dict[str, int]) -> None:
    outcomes = crawl_all(crawl, ports, CERTIFICATES, tls_verify="warn")
    assert {ended(outcome) for outcome in outcomes.values()} == {("classified", "")}
    assert {name: outcome.notes for name, outcome in outcomes.items()} == {
        "good": (),
        "expired": ("tls_unverified",),
        "wrong-host": ("tls_unverified",),
        "self-signed": ("tls_unverified",),
        "untrusted": ("tls_unverified",),
    }


def test_failed_handshake_is_told_from_a_bad_certificate(
    crawl: Crawl, ports: dict[str, int], server: object
) -> None:
    outcomes = crawl_all(
        crawl,
        {**ports, "plain": server.port},  # type: ignore[attr-defined]
        ["old-version", "silent", "plain"],
        request_timeout_s=1.0,
    )
    assert {name: ended(outcome) for name, outcome in outcomes.items()} == {
        "old-version": ("tls_failed", "old_version"),
        "silent": ("timeout", "tls"),
        "plain": ("tls_failed", "handshake"),
    }


def test_handshake_has_a_deadline_of_its_own(crawl: Crawl, ports: dict[str, int]) -> None:
    """N19: a request may take longer than a handshake."""
    outcomes = crawl_all(crawl, ports, ["silent", "good"], tls_timeout_s=0.5)
    assert ended(outcomes["silent"]) == ("timeout", "tls")
    assert "no end of the TLS handshake within 0.5 s" in outcomes["silent"].message
    assert outcomes["silent"].seconds < 10
    assert ended(outcomes["good"]) == ("classified", "")
