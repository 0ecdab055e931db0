"""AES-GCM envelopes, and the fake that stands in for them."""

import pytest

from astrelo.adapters.outbound.token_cipher import KEY_BYTES, AesGcmTokenCipher
from astrelo.domain.errors import SecretUnreadable
from astrelo.domain.ports.system import TokenCipher
from tests.support.contracts.token_cipher import CONTEXT, TokenCipherContract
from tests.support.fakes.token_cipher import FakeTokenCipher

OLD = ("2025", b"o" * KEY_BYTES)
NEW = ("2026", b"n" * KEY_BYTES)


class TestFakeTokenCipher(TokenCipherContract):
    @pytest.fixture
    def cipher(self) -> TokenCipher:
        return FakeTokenCipher()


class TestAesGcmTokenCipher(TokenCipherContract):
    @pytest.fixture
    def cipher(self) -> TokenCipher:
        return AesGcmTokenCipher([OLD])

    def test_the_same_secret_never_gives_the_same_ciphertext(self, cipher: TokenCipher) -> None:
        ciphertexts = {cipher.encrypt("na1-f00d", CONTEXT) for _ in range(100)}
        assert len(ciphertexts) == 100

    def test_the_first_key_encrypts(self) -> None:
        ciphertext = AesGcmTokenCipher([NEW, OLD]).encrypt("na1-f00d", CONTEXT)
        assert AesGcmTokenCipher([NEW]).decrypt(ciphertext, CONTEXT) == "na1-f00d"

    def test_every_key_decrypts_so_that_a_new_one_can_be_put_in_front(self) -> None:
        ciphertext = AesGcmTokenCipher([OLD]).encrypt("na1-f00d", CONTEXT)
        assert AesGcmTokenCipher([NEW, OLD]).decrypt(ciphertext, CONTEXT) == "na1-f00d"

    def test_a_key_that_was_taken_away_is_named(self) -> None:
        ciphertext = AesGcmTokenCipher([OLD]).encrypt("na1-f00d", CONTEXT)
        with pytest.raises(SecretUnreadable, match="no key of this id"):
            AesGcmTokenCipher([NEW]).decrypt(ciphertext, CONTEXT)

    def test_another_key_under_the_same_id_does_not_decrypt(self) -> None:
        ciphertext = AesGcmTokenCipher([OLD]).encrypt("na1-f00d", CONTEXT)
        with pytest.raises(SecretUnreadable, match="another key of the same id"):
            AesGcmTokenCipher([("2025", NEW[1])]).decrypt(ciphertext, CONTEXT)

    @pytest.mark.parametrize(
        "keys",
        [
            [],
            [("short", b"k" * 31)],
            [("long", b"k" * 33)],
            [("", b"k" * 32)],
            [("i" * 256, b"k" * 32)],
            [OLD, ("2025", NEW[1])],
        ],
    )
    def test_keys_that_cannot_be_used_are_refused_without_being_shown(
        self, keys: list[tuple[str, bytes]]
    ) -> None:
        with pytest.raises(ValueError, match="key") as raised:
            AesGcmTokenCipher(keys)
        assert "kkkk" not in str(raised.value)

    def test_its_repr_shows_key_ids_only(self) -> None:
        assert repr(AesGcmTokenCipher([NEW, OLD])) == "AesGcmTokenCipher(key ids: 2026, 2025)"
