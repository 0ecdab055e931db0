"""A certificate for this machine's own names, signed by an authority that lives as long as the process."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import trustme

LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerCertificate:
    context: ssl.SSLContext
    authority: Path
    """The certificate authority's certificate, PEM. Its key is in no file."""


@contextmanager
def local_certificate(host: str) -> Iterator[ServerCertificate]:
    """Make one for `localhost`, the loopback addresses and `host`; the authority's file goes with the block."""
    authority = trustme.CA(organization_name="crm-sandbox")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(*dict.fromkeys((*LOCAL_NAMES, host))).configure_cert(context)
    with TemporaryDirectory(prefix="crm-sandbox-") as folder:
        file = Path(folder) / "ca.pem"
        authority.cert_pem.write_to_path(file)
        yield ServerCertificate(context=context, authority=file)
