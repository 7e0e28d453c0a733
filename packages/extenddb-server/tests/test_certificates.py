"""Certificates: what they hold, that clients accept them strictly, when they are renewed."""

from __future__ import annotations

import datetime
import socket
import ssl
import stat
from pathlib import Path

import pytest
from cryptography import x509

from extenddb.server.config import ConfigError
from extenddb.server.http import tls


def leaf(certificate: tls.Certificate) -> x509.Certificate:
    """Return the certificate of the server."""
    return x509.load_pem_x509_certificate(certificate.chain.read_bytes())


def handshake(certificate: tls.Certificate, name: str) -> None:
    """Shake hands in memory with a strict client; raises ssl.SSLError if it refuses."""
    client = ssl.create_default_context(cafile=str(certificate.authority))
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server, server_hostname=name),
        tls.context(certificate).wrap_bio(to_server, to_client, server_side=True),
    ]
    for _ in range(10):
        for end in list(ends):
            try:
                end.do_handshake()
                ends.remove(end)
            except ssl.SSLWantReadError:
                pass
    assert not ends


def test_strict_clients_accept_every_name(tmp_path: Path) -> None:
    certificate = tls.ensure(tmp_path, "10.1.2.3")
    for name in ("localhost", "127.0.0.1", "::1", "10.1.2.3", socket.gethostname()):
        handshake(certificate, name)
    with pytest.raises(ssl.SSLError):
        handshake(certificate, "example.com")
    names = leaf(certificate).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "*.localhost" in names.get_values_for_type(x509.DNSName)  # OpenSSL wants a longer name; others do not


def test_files_are_for_their_owner(tmp_path: Path) -> None:
    tls.ensure(tmp_path, "localhost")
    for file in (tmp_path / "tls").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_certificates_are_kept_until_they_do_not_fit(tmp_path: Path) -> None:
    first = leaf(tls.ensure(tmp_path, "localhost"))
    assert leaf(tls.ensure(tmp_path, "localhost")) == first
    other = tls.ensure(tmp_path, "db.internal")
    assert leaf(other) != first
    handshake(other, "db.internal")
    (tmp_path / "tls" / "server.key").write_text("broken")
    handshake(tls.ensure(tmp_path, "db.internal"), "db.internal")


def test_certificates_are_renewed_before_their_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tls, "_LEAF_DAYS", 29)
    old = leaf(tls.ensure(tmp_path, "localhost"))
    authority = tls.authority_path(tmp_path).read_bytes()
    monkeypatch.undo()
    new = tls.ensure(tmp_path, "localhost")
    assert leaf(new).not_valid_after_utc > old.not_valid_after_utc + datetime.timedelta(days=300)
    assert tls.authority_path(tmp_path).read_bytes() == authority
    handshake(new, "localhost")


def test_an_authority_outlives_its_certificates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tls, "_AUTHORITY_DAYS", 400)
    tls.ensure(tmp_path, "localhost")
    authority = tls.authority_path(tmp_path).read_bytes()
    monkeypatch.undo()
    renewed = tls.ensure(tmp_path, "localhost")
    assert tls.authority_path(tmp_path).read_bytes() != authority
    handshake(renewed, "localhost")


def test_a_key_of_another_certificate_is_refused(tmp_path: Path) -> None:
    one, two = tls.ensure(tmp_path / "one", "localhost"), tls.ensure(tmp_path / "two", "localhost")
    with pytest.raises(ConfigError, match="cannot be used"):
        tls.context(tls.Certificate(chain=one.chain, key=two.key))
    with pytest.raises(ConfigError, match="cannot be read"):
        tls.context(tls.Certificate(chain=one.chain, key=tmp_path / "absent"))
