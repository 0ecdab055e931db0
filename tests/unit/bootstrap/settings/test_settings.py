import base64
from pathlib import Path

import pytest

from astrelo.bootstrap.settings import (
    VARIABLES,
    Environment,
    InvalidSettings,
    LogFormat,
    parse_settings,
    settings_table,
)
from astrelo.domain.identifiers import Provider

README = Path(__file__).parents[4] / "README.md"
KEY = base64.b64encode(bytes(range(32))).decode()
OTHER_KEY = base64.b64encode(bytes(range(1, 33))).decode()
SECRET = "a secret of more than thirty-two characters"
PRODUCTION = {
    "ASTRELO_ENVIRONMENT": "production",
    "ASTRELO_DATABASE_URL": "postgresql://astrelo:hunter2@db.example.com/astrelo",
    "ASTRELO_ENCRYPTION_KEYS": f"new:{KEY},old:{OTHER_KEY}",
    "ASTRELO_JWT_SECRET": SECRET,
    "ASTRELO_PUBLIC_URL": "https://api.example.com/",
    "ASTRELO_FRONTEND_URL": "https://app.example.com",
}


def problems(environ: dict[str, str]) -> dict[str, str]:
    with pytest.raises(InvalidSettings) as caught:
        parse_settings(environ)
    return dict(caught.value.problems)


def test_development_needs_no_setting_at_all() -> None:
    settings = parse_settings({})
    assert settings.environment is Environment.DEVELOPMENT
    assert settings.public_url == "http://127.0.0.1:8000"
    assert settings.frontend_url == settings.public_url
    assert settings.hubspot is None
    assert settings.log_format is LogFormat.CONSOLE


def test_production_takes_what_it_is_given() -> None:
    settings = parse_settings(PRODUCTION)
    assert settings.is_production
    assert settings.public_url == "https://api.example.com"
    assert settings.cors_origins == ("https://app.example.com",)
    assert settings.log_format is LogFormat.JSON


def test_the_first_encryption_key_is_the_one_named_first() -> None:
    keys = parse_settings(PRODUCTION).encryption_keys
    assert [key.key_id for key in keys] == ["new", "old"]
    assert keys[0].key == bytes(range(32))


def test_production_says_at_once_everything_that_is_missing() -> None:
    missing = problems({"ASTRELO_ENVIRONMENT": "production"})
    assert set(missing) == {v.full_name for v in VARIABLES if v.required_in_production}
    assert set(missing.values()) == {"is required in production"}


def test_all_problems_are_told_together() -> None:
    told = problems(
        {
            "ASTRELO_PORT": "eighty",
            "ASTRELO_LOG_LEVEL": "loud",
            "ASTRELO_DATABASE_URL": "mysql://localhost/x",
            "ASTRELO_WORKER_POLL": "60",
        }
    )
    assert set(told) == {
        "ASTRELO_PORT",
        "ASTRELO_LOG_LEVEL",
        "ASTRELO_DATABASE_URL",
        "ASTRELO_WORKER_POLL",
    }
    assert told["ASTRELO_PORT"] == "must be a whole number from 1 to 65535"


def test_a_misspelt_setting_is_a_problem_and_not_silence() -> None:
    assert "is not a setting" in problems({"ASTRELO_HUBSPOT_CLIENTID": "x"})["ASTRELO_HUBSPOT_CLIENTID"]


def test_the_tests_own_variables_are_none_of_our_business() -> None:
    parse_settings({"ASTRELO_TEST_POSTGRES": "embedded", "PATH": "/bin"})


def test_an_empty_variable_counts_as_not_set() -> None:
    assert parse_settings({"ASTRELO_PORT": " ", "ASTRELO_DATABASE_URL": ""}).port == 8000


@pytest.mark.parametrize(
    "value",
    [
        "postgresql://u:hunter2/secret@localhost:5999/db",
        "postgresql://u:hunter2#secret@localhost:5999/db",
        "postgresql://u:hunter2?secret@localhost:5999/db",
        "postgresql://u:hunter2@secret@localhost:5999/db",
        "postgresql://u:123/hunter2@localhost/db",
        "postgresql://u:123?hunter2@localhost/db",
        "postgresql://u:hunter2secret@[localhost/db",
        "postgresql://u:hunter2secret@localhost:99999/db",
        "postgresql://u:hunter2secret@localhost:port/db",
        "u:hunter2secret@localhost/db",
    ],
)
def test_a_database_url_that_reads_differently_than_it_looks_is_refused_without_its_password(
    value: str,
) -> None:
    """An unescaped character in the password shifts its rest into another part, one that is shown."""
    reason = problems({"ASTRELO_DATABASE_URL": value})["ASTRELO_DATABASE_URL"]
    assert "%2F" in reason
    assert "hunter2" not in reason
    assert "secret" not in reason


@pytest.mark.parametrize(
    "value",
    [
        "postgres://localhost",
        "postgresql:///db?host=/run/postgresql",
        "postgresql://u:p%2F%23%3F%40@[::1]:5432/db?sslmode=require",
        "postgresql://u:p@one:5432,two/db",
    ],
)
def test_every_form_of_a_database_url_is_taken(value: str) -> None:
    assert parse_settings({"ASTRELO_DATABASE_URL": value}).database_url == value


@pytest.mark.parametrize(
    "value",
    [
        "justakey",
        f"id:{KEY}extra",
        "id:c2hvcnQ=",
        f":{KEY}",
        f"id:{KEY},id:{OTHER_KEY}",
        "id:not base64 at all!",
    ],
)
def test_unusable_encryption_keys_are_refused_without_quoting_them(value: str) -> None:
    reason = problems({"ASTRELO_ENCRYPTION_KEYS": value})["ASTRELO_ENCRYPTION_KEYS"]
    assert KEY not in reason
    assert OTHER_KEY not in reason


@pytest.mark.parametrize(
    "value",
    [
        "localhost:8000",
        "ftp://example.com",
        "https://user:pw@example.com",
        "https://example.com/?x=1",
        "https://xn--ab.example.com",
        "https://xn--a",
        "https://[::1",
        "https://example.com:99999",
        "https://example.com:port",
        "https://exa mple.com\0",
    ],
)
def test_an_unusable_url_is_refused(value: str) -> None:
    assert set(problems({"ASTRELO_PUBLIC_URL": value})) == {"ASTRELO_PUBLIC_URL"}


def test_a_short_jwt_secret_is_refused_without_quoting_it() -> None:
    assert "short-one" not in problems({"ASTRELO_JWT_SECRET": "short-one"})["ASTRELO_JWT_SECRET"]


@pytest.mark.parametrize(("given", "missing"), [("ID", "SECRET"), ("SECRET", "ID")])
@pytest.mark.parametrize("crm", Provider)
def test_half_of_a_crms_credentials_is_a_problem(crm: Provider, given: str, missing: str) -> None:
    told = problems({f"ASTRELO_{crm.name}_CLIENT_{given}": "x"})
    assert set(told) == {f"ASTRELO_{crm.name}_CLIENT_{missing}"}
    assert crm.label in told[f"ASTRELO_{crm.name}_CLIENT_{missing}"]


def test_salesforce_is_read_as_the_settings_say() -> None:
    app = parse_settings(
        {
            "ASTRELO_SALESFORCE_CLIENT_ID": "us",
            "ASTRELO_SALESFORCE_CLIENT_SECRET": "hunter2",
            "ASTRELO_SALESFORCE_BULK_THRESHOLD": "500",
            "ASTRELO_SALESFORCE_DAILY_SHARE": "0.5",
        }
    ).salesforce
    assert app is not None
    assert (app.login_url, app.bulk_threshold, app.daily_share) == (
        "https://login.salesforce.com",
        500,
        0.5,
    )
    assert "hunter2" not in repr(app)


def test_several_origins_may_be_named() -> None:
    settings = parse_settings({"ASTRELO_CORS_ORIGINS": "https://a.example.com, https://b.example.com:8443"})
    assert settings.cors_origins == ("https://a.example.com", "https://b.example.com:8443")
    assert "ASTRELO_CORS_ORIGINS" in problems({"ASTRELO_CORS_ORIGINS": "https://a.example.com/app"})


def test_an_address_for_all_interfaces_becomes_one_that_a_browser_can_open() -> None:
    assert parse_settings({"ASTRELO_HOST": "0.0.0.0"}).public_url == "http://localhost:8000"
    assert parse_settings({"ASTRELO_HOST": "::1"}).public_url == "http://[::1]:8000"


def test_no_secret_shows_in_repr() -> None:
    settings = parse_settings(
        PRODUCTION | {"ASTRELO_HUBSPOT_CLIENT_ID": "us", "ASTRELO_HUBSPOT_CLIENT_SECRET": "not for eyes"}
    )
    shown = repr(settings) + repr(settings.encryption_keys)
    assert settings.secrets
    assert not [secret for secret in (*settings.secrets, "hunter2", "not for eyes") if secret in shown]


def test_the_readme_shows_the_settings_as_they_are() -> None:
    assert settings_table() in README.read_text(encoding="utf-8"), (
        "Replace the table in README.md by the output of: "
        "python -c 'from astrelo.bootstrap.settings import settings_table; print(settings_table())'"
    )
