"""Connections keep their account, and tokens keep their secrets."""

import traceback
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from astrelo.domain.connection import (
    REFRESH_MARGIN,
    STATE_LIFETIME,
    AuthorizationRequest,
    ConnectionStatus,
    CrmAccount,
    CrmConnection,
    Grant,
    PendingAuthorization,
    TokenSet,
)
from astrelo.domain.errors import InvalidTransition
from astrelo.domain.identifiers import ConnectionId, CrmAccountId, Provider, UserId
from tests.support.domain_records import NOON, at

USER = UserId(UUID(int=1))
TOKENS = TokenSet(
    access_token="access-s3cret",
    refresh_token="refresh-s3cret",
    expires_at=at(30),
    scopes=frozenset({"oauth"}),
)


def grant(account_id: str = "77", name: str = "Acme") -> Grant:
    return Grant(tokens=TOKENS, account=CrmAccount(account_id=CrmAccountId(account_id), name=name))


def connection() -> CrmConnection:
    return CrmConnection.establish(ConnectionId(UUID(int=5)), USER, Provider.HUBSPOT, grant(), NOON)


@pytest.mark.parametrize(
    ("name", "label"), [("Acme", "Acme (202)"), ("HubSpot account 202", "HubSpot account 202")]
)
def test_an_accounts_label_has_its_id_once(name: str, label: str) -> None:
    assert CrmAccount(account_id=CrmAccountId("202"), name=name).label == label


class TestTokens:
    def test_a_token_with_more_than_the_margin_to_live_is_fresh(self) -> None:
        assert replace(TOKENS, expires_at=NOON + REFRESH_MARGIN + timedelta(seconds=1)).is_fresh(NOON)

    def test_a_token_with_just_the_margin_to_live_is_not(self) -> None:
        assert not replace(TOKENS, expires_at=NOON + REFRESH_MARGIN).is_fresh(NOON)

    def test_a_token_of_unknown_life_counts_as_fresh(self) -> None:
        assert replace(TOKENS, expires_at=None).is_fresh(NOON)

    def test_no_text_of_a_token_set_shows_a_secret(self) -> None:
        shown = f"{TOKENS} {TOKENS!r} {grant()!r} {[TOKENS]}"
        assert "s3cret" not in shown

    def test_no_text_of_a_started_flow_shows_a_secret(self) -> None:
        request = AuthorizationRequest(state="state-s3cret", code_challenge="public")
        pending = PendingAuthorization(
            state_hash=b"state-s3cret",
            browser_hash=b"cookie-s3cret",
            user_id=USER,
            provider=Provider.HUBSPOT,
            code_verifier="verifier-s3cret",
            replace=False,
            return_path="/app",
            expires_at=NOON,
        )
        assert "s3cret" not in f"{request!r} {pending!r}"

    def test_no_text_of_a_connection_or_a_grant_shows_who_connected(self) -> None:
        named = replace(grant(), connected_by="ada@acme.com")
        made = CrmConnection.establish(ConnectionId(UUID(int=5)), USER, Provider.HUBSPOT, named, NOON)
        assert made.connected_by == "ada@acme.com"
        assert "ada@acme.com" not in f"{named!r} {made} {made!r}"

    @pytest.mark.parametrize("connected_by", ["bo@acme.com", None])
    def test_who_connects_again_takes_the_place_of_who_did_before(self, connected_by: str | None) -> None:
        before = replace(connection(), connected_by="ada@acme.com")
        assert before.disconnect().connected_by == "ada@acme.com"
        assert (
            before.reauthorize(replace(grant(), connected_by=connected_by), NOON).connected_by == connected_by
        )

    def test_a_traceback_shows_no_secret(self) -> None:
        with pytest.raises(TypeError) as raised:
            replace(TOKENS, unknown=TOKENS)  # type: ignore[call-arg] # the error is the case
        assert "s3cret" not in "".join(traceback.format_exception(raised.value))


def test_a_started_flow_expires_when_its_time_is_over() -> None:
    pending = PendingAuthorization(
        state_hash=b"", browser_hash=b"", user_id=USER, provider=Provider.HUBSPOT, code_verifier="", replace=False,
        return_path="/app", expires_at=NOON + STATE_LIFETIME,
    )  # fmt: skip
    assert not pending.is_expired(NOON + STATE_LIFETIME - timedelta(microseconds=1))
    assert pending.is_expired(NOON + STATE_LIFETIME)


class TestConnections:
    def test_a_new_connection_is_active_with_the_granted_scopes(self) -> None:
        made = connection()
        assert made.is_active
        assert (made.scopes, made.connected_at, made.reason) == (frozenset({"oauth"}), NOON, None)

    def test_reauthorizing_the_same_account_keeps_the_id_and_heals(self) -> None:
        broken = connection().mark_needs_reauthorization("HubSpot revoked the access.")
        healed = broken.reauthorize(grant(name="Acme Ltd"), at(5))
        assert (healed.id, healed.is_active, healed.reason) == (broken.id, True, None)
        assert (healed.account.name, healed.connected_at) == ("Acme Ltd", at(5))

    def test_another_account_is_refused(self) -> None:
        with pytest.raises(InvalidTransition, match="bound to account 77"):
            connection().reauthorize(grant("78"), NOON)

    def test_a_disconnected_connection_can_be_connected_again(self) -> None:
        assert connection().disconnect().reauthorize(grant(), at(1)).is_active

    def test_disconnecting_is_idempotent(self) -> None:
        once = connection().disconnect()
        assert once.status is ConnectionStatus.DISCONNECTED
        assert once.disconnect() == once

    def test_a_disconnected_connection_needs_no_reauthorization(self) -> None:
        with pytest.raises(InvalidTransition, match="disconnected"):
            connection().disconnect().mark_needs_reauthorization("too late")
