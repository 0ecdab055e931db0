"""What every TokenCipher does."""

from uuid import UUID

import pytest

from astrelo.domain.errors import SecretUnreadable
from astrelo.domain.identifiers import UserId
from astrelo.domain.ports.system import SecretContext, TokenCipher

CONTEXT = SecretContext(user_id=UserId(UUID(int=1)), owner="connection-1", field="refresh_token")


class TokenCipherContract:
    @pytest.fixture
    def cipher(self) -> TokenCipher:
        raise NotImplementedError

    @pytest.mark.parametrize("secret", ["na1-f00d", "", "schlüssel ✓", "x" * 4096])
    def test_what_was_encrypted_decrypts_in_its_context(self, cipher: TokenCipher, secret: str) -> None:
        assert cipher.decrypt(cipher.encrypt(secret, CONTEXT), CONTEXT) == secret

    def test_a_ciphertext_does_not_show_its_secret(self, cipher: TokenCipher) -> None:
        assert b"na1-f00d" not in cipher.encrypt("na1-f00d", CONTEXT)

    @pytest.mark.parametrize(
        "elsewhere",
        [
            CONTEXT._replace(user_id=UserId(UUID(int=2))),
            CONTEXT._replace(owner="connection-2"),
            CONTEXT._replace(field="access_token"),
            CONTEXT._replace(owner="connection-1r", field="efresh_token"),
        ],
    )
    def test_a_ciphertext_moved_elsewhere_does_not_decrypt(
        self, cipher: TokenCipher, elsewhere: SecretContext
    ) -> None:
        ciphertext = cipher.encrypt("na1-f00d", CONTEXT)
        with pytest.raises(SecretUnreadable):
            cipher.decrypt(ciphertext, elsewhere)

    def test_a_changed_ciphertext_does_not_decrypt(self, cipher: TokenCipher) -> None:
        ciphertext = cipher.encrypt("na1-f00d", CONTEXT)
        for place in range(len(ciphertext)):
            changed = bytearray(ciphertext)
            changed[place] ^= 1
            with pytest.raises(SecretUnreadable):
                cipher.decrypt(bytes(changed), CONTEXT)

    def test_a_cut_ciphertext_does_not_decrypt(self, cipher: TokenCipher) -> None:
        ciphertext = cipher.encrypt("na1-f00d", CONTEXT)
        for length in range(len(ciphertext)):
            with pytest.raises(SecretUnreadable):
                cipher.decrypt(ciphertext[:length], CONTEXT)

    def test_an_error_names_no_secret(self, cipher: TokenCipher) -> None:
        ciphertext = cipher.encrypt("na1-f00d", CONTEXT)
        with pytest.raises(SecretUnreadable) as raised:
            cipher.decrypt(ciphertext, CONTEXT._replace(owner="connection-2"))
        assert "f00d" not in str(raised.value)
