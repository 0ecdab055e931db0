"""The registry of CRMs."""

from astrelo.bootstrap.crms import REGISTERED_CRMS
from astrelo.domain.identifiers import Provider


def test_every_provider_is_registered_once() -> None:
    assert sorted(crm.provider for crm in REGISTERED_CRMS) == sorted(Provider)
