"""Certificates made on the spot, and TLS before a broker that has none, as `stunnel` does it.

with tls_front(6380, key_file, certificate_file) as port:
    ...  # rediss://127.0.0.1:PORT/0 reaches the server on port 6380
"""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from labkit.own.proxy import HOST, proxy_to

KEY_BITS = 2048  # Celery signs with RSA keys only
VALID = timedelta(hours=1)  # longer than any lesson
CLOCK_STEP = timedelta(minutes=5)  # a clock that is set back must not make it invalid


@contextmanager
def tls_front(server_port: int, key: Path, certificate: Path) -> Iterator[int]:
    """Take TLS connections on a free port of 127.0.0.1, and pass their bytes on; give the port.

    The server that it passes them to hears plain text.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    with proxy_to(f"redis://{HOST}:{server_port}", context) as proxy:
        yield proxy.port


def make_certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """Write FOLDER/NAME.key, for its owner alone, and FOLDER/NAME.pem; return both paths.

    The certificate signs itself, so whoever trusts it must have got it from here.  As a TLS
    server it is localhost, 127.0.0.1.
    """
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    hosts = [x509.DNSName("localhost"), x509.IPAddress(IPv4Address("127.0.0.1"))]
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_STEP)
        .not_valid_after(now + VALID)
        .add_extension(x509.SubjectAlternativeName(hosts), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    key_file, certificate_file = folder / f"{name}.key", folder / f"{name}.pem"
    key_file.touch(mode=0o600)
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return key_file, certificate_file
