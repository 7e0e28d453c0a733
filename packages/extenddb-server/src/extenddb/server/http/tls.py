"""Certificates: an authority and a server certificate of our own, or those of the operator."""

from __future__ import annotations

import datetime
import ipaddress
import os
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from extenddb.server.config import ConfigError

_AUTHORITY_DAYS = 3650
_LEAF_DAYS = 397
"""Longest life that clients accept of a server certificate (CA/Browser Forum, 398 days)."""
_RENEW_DAYS = 30
_BACKDATED = datetime.timedelta(hours=1)
"""Clocks of clients in other machines and containers may be behind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """Files a server encrypts with."""

    chain: Path
    key: Path
    authority: Path | None = None
    """Certificate that clients have to trust; None when the operator brought the certificate."""


@dataclass(frozen=True, slots=True)
class _Issuer:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def authority_path(folder: Path) -> Path:
    """Return where the certificate of the own authority is."""
    return folder / "tls" / "ca.pem"


def ensure(folder: Path, host: str) -> Certificate:
    """Return certificates for this host, making or renewing what is absent, near its end or for other names.

    Raises ConfigError if the folder cannot be used.
    """
    home = folder / "tls"
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        issuer = _authority(authority_path(folder), home / "ca.key")
        chain, key = home / "server.pem", home / "server.key"
        if not _usable(chain, key, _names(host), issuer):
            _issue_leaf(chain, key, _names(host), issuer)
    except OSError as error:
        raise ConfigError(f"The certificate folder {home} cannot be used: {error.strerror}.") from None
    return Certificate(chain=chain, key=key, authority=authority_path(folder))


def context(certificate: Certificate) -> ssl.SSLContext:
    """Return what a listening socket encrypts with. Raises ConfigError for files that do not fit."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        tls.load_cert_chain(certificate.chain, certificate.key, password=lambda: b"")
    except FileNotFoundError as error:
        missing = certificate.key if certificate.chain.exists() else certificate.chain
        raise ConfigError(f"The certificate file {missing} cannot be read: {error.strerror}.") from None
    except (ssl.SSLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        text = f"The certificate {certificate.chain} and the key {certificate.key} cannot be used: {reason}."
        raise ConfigError(text) from None
    return tls


def _names(host: str) -> tuple[x509.GeneralName, ...]:
    dns = ["localhost", "*.localhost"]
    addresses = ["127.0.0.1", "::1"]
    for name in (socket.gethostname(), host):
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            dns.append(name)
        else:
            if not address.is_unspecified:
                addresses.append(str(address))
    return (
        *(x509.DNSName(name) for name in dict.fromkeys(dns) if name and name.isascii()),
        *(x509.IPAddress(ipaddress.ip_address(each)) for each in dict.fromkeys(addresses)),
    )


def _authority(path: Path, key_path: Path) -> _Issuer:
    found = _load(path, key_path)
    if found is not None and not _near_end(found.certificate, _RENEW_DAYS + _LEAF_DAYS):
        return found
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"ExtendDB local CA {os.urandom(4).hex()}")])
    usage = _key_usage(signs_certificates=True)
    certificate = (
        _builder(name, name, key, _AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )
    _write(key_path, _private(key))
    _write(path, certificate.public_bytes(serialization.Encoding.PEM))
    return _Issuer(certificate, key)


def _issue_leaf(chain: Path, key_path: Path, names: tuple[x509.GeneralName, ...], issuer: _Issuer) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key())
    certificate = (
        _builder(subject, issuer.certificate.subject, key, _LEAF_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(issuer_key, critical=False)
        .sign(issuer.key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    _write(key_path, _private(key))
    _write(chain, certificate.public_bytes(pem) + issuer.certificate.public_bytes(pem))


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, days: int
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(path: Path, content: bytes) -> None:
    """Replace a file at once; nobody but the owner may read it."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    draft.replace(path)


def _load(path: Path, key_path: Path) -> _Issuer | None:
    """Return a certificate and its key; None if either is absent, broken, or of another pair."""
    if not (path.exists() and key_path.exists()):
        return None
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        key = serialization.load_pem_private_key(key_path.read_bytes(), None)
    except (ValueError, TypeError):
        return None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        return None
    return _Issuer(certificate, key)


def _near_end(certificate: x509.Certificate, days: int) -> bool:
    left = certificate.not_valid_after_utc - datetime.datetime.now(datetime.UTC)
    return left < datetime.timedelta(days=days)


def _usable(chain: Path, key: Path, names: tuple[x509.GeneralName, ...], issuer: _Issuer) -> bool:
    found = _load(chain, key)
    if found is None or _near_end(found.certificate, _RENEW_DAYS):
        return False
    if found.certificate.issuer != issuer.certificate.subject:
        return False
    covered = found.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return set(names) <= set(covered)
