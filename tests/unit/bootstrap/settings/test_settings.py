import base64
from pathlib import Path

import pytest
from pydantic import ValidationError

from astrelo.bootstrap.settings import Environment, InvalidSettings, LogFormat, parse_settings, settings_table
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
    assert settings.hubspot_client_id is None
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
    assert set(missing) == PRODUCTION.keys() - {"ASTRELO_ENVIRONMENT"}
    assert set(missing.values()) == {"is required in production"}


def test_all_problems_are_reported_together() -> None:
    reasons = problems(
        {
            **PRODUCTION,
            "ASTRELO_JWT_SECRET": "",
            "ASTRELO_SALESFORCE_CLIENT_ID": "us",
            "ASTRELO_PROT": "8000",
            "ASTRELO_PORT": "eighty",
            "ASTRELO_LOG_LEVEL": "loud",
            "ASTRELO_DATABASE_URL": "mysql://localhost/x",
            "ASTRELO_WORKER_POLL": "60",
        }
    )
    assert reasons.pop("ASTRELO_DATABASE_URL").startswith("must be a URL of the form postgresql://")
    assert reasons == {
        "ASTRELO_JWT_SECRET": "is required in production",
        "ASTRELO_SALESFORCE_CLIENT_SECRET": "is missing, but ASTRELO_SALESFORCE_CLIENT_ID is set; Salesforce needs both",
        "ASTRELO_PROT": "is not a setting of Astrelo; see the table in the README",
        "ASTRELO_PORT": "must be a whole number from 1 to 65535",
        "ASTRELO_LOG_LEVEL": "must be 'debug', 'info', 'warning' or 'error'",
        "ASTRELO_WORKER_POLL": "must be a number of seconds from 0.05 to 2",
    }


def test_this_machine_is_no_target_of_webhooks_in_production() -> None:
    assert parse_settings({"ASTRELO_WEBHOOK_ALLOW_LOOPBACK": "1"}).webhook_targets.allow_loopback
    assert not parse_settings({}).webhook_targets.allow_loopback
    assert not parse_settings(PRODUCTION).webhook_targets.allow_http
    reasons = problems(PRODUCTION | {"ASTRELO_WEBHOOK_ALLOW_LOOPBACK": "1"})
    assert reasons == {"ASTRELO_WEBHOOK_ALLOW_LOOPBACK": "is for development only"}
    reasons = problems({"ASTRELO_WEBHOOK_ALLOW_LOOPBACK": "yes"})
    assert reasons == {"ASTRELO_WEBHOOK_ALLOW_LOOPBACK": "must be '0' or '1'"}


def test_the_console_needs_a_host_whose_page_is_not_the_frontend_s() -> None:
    console = PRODUCTION | {"ASTRELO_CONSOLE": "1"}
    assert parse_settings(console).console == "1"
    (reason,) = problems(console | {"ASTRELO_PUBLIC_URL": "https://app.example.com/crm"}).values()
    assert "/app is the frontend's" in reason
    assert parse_settings({"ASTRELO_CONSOLE": "1"}).console == "1"


ADDRESS = "must be a host name or an IP address, without brackets and port"
NETWORKS = "must be IP addresses or networks such as 10.0.0.0/8, separated by commas"


@pytest.mark.parametrize(
    ("variable", "text", "reason"),
    [
        ("SALESFORCE_BULK_THRESHOLD", "9" * 5000, "must be a whole number from 1 to 100000000"),
        ("WORKER_HEALTH_PORT", "0", "must be a whole number from 1 to 65535"),
        ("SALESFORCE_DAILY_SHARE", "nan", "must be a number from 0 to 1"),
        ("SYNC_FULL_EVERY", "inf", "must be a number of seconds from 60 to 2592000"),
        ("SYNC_EVERY", "soon", "must be a number of seconds from 10 to 86400"),
        ("LOG_FORMAT", "xml", "must be 'console' or 'json'"),
        ("HOST", "[::1]", ADDRESS),
        ("HOST", "a b", ADDRESS),
        ("HOST", "localhost:80", ADDRESS),
        ("HOST", "http://localhost", ADDRESS),
        ("API_TRUSTED_PROXIES", "10.0.0.1/8", NETWORKS),
        ("API_TRUSTED_PROXIES", "10.0.0.1, proxy", NETWORKS),
        ("LOG_LEVEL", "info\udcff", "must be text in UTF-8"),
        ("JWT_SECRET", "s" * 40 + "\udcff", "must be text in UTF-8"),
    ],
)
def test_what_is_allowed_is_said(variable: str, text: str, reason: str) -> None:
    assert problems({f"ASTRELO_{variable}": text}) == {f"ASTRELO_{variable}": reason}


def test_trusted_proxies_are_addresses_and_networks() -> None:
    given = {"ASTRELO_API_TRUSTED_PROXIES": "10.0.0.0/8, 192.0.2.1,2001:db8::/32,"}
    networks = [str(network) for network in parse_settings(given).api_trusted_proxies]
    assert networks == ["10.0.0.0/8", "192.0.2.1/32", "2001:db8::/32"]


def test_a_wrong_setting_is_reported_once_and_not_again_for_those_that_follow_from_it() -> None:
    assert set(problems({"ASTRELO_HOST": "0.0.0.0", "ASTRELO_PORT": "0"})) == {"ASTRELO_PORT"}
    assert set(problems({"ASTRELO_PUBLIC_URL": "here"})) == {"ASTRELO_PUBLIC_URL"}
    assert set(problems({"ASTRELO_ENVIRONMENT": "staging"})) == {"ASTRELO_ENVIRONMENT"}


def test_names_of_environments_and_levels_may_be_written_in_capitals() -> None:
    settings = parse_settings({"ASTRELO_LOG_LEVEL": "DEBUG", "ASTRELO_LOG_FORMAT": "Json"})
    assert (settings.log_level, settings.log_format) == ("debug", LogFormat.JSON)


def test_no_setting_changes_after_it_was_read() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        parse_settings({}).port = 1


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
        "id:é",
        ",",
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
    reasons = problems({f"ASTRELO_{crm.name}_CLIENT_{given}": "x"})
    assert set(reasons) == {f"ASTRELO_{crm.name}_CLIENT_{missing}"}
    assert crm.label in reasons[f"ASTRELO_{crm.name}_CLIENT_{missing}"]


def test_salesforce_is_read_as_the_settings_say() -> None:
    settings = parse_settings(
        {
            "ASTRELO_SALESFORCE_CLIENT_ID": "us",
            "ASTRELO_SALESFORCE_CLIENT_SECRET": "hunter2",
            "ASTRELO_SALESFORCE_BULK_THRESHOLD": "500",
            "ASTRELO_SALESFORCE_DAILY_SHARE": "0.5",
        }
    )
    assert settings.salesforce_login_url == "https://login.salesforce.com"
    assert (settings.salesforce_bulk_threshold, settings.salesforce_daily_share) == (500, 0.5)
    assert "hunter2" not in repr(settings)


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
