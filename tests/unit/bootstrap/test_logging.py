import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from astrelo.bootstrap.logging import REDACTED, configure_logging, redact
from astrelo.bootstrap.settings import LogFormat


@pytest.fixture(autouse=True)
def logging_restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.parametrize(
    "key",
    ["access_token", "refresh_token", "token", "client_secret", "password", "authorization", "Cookie", "dsn",
     "code_verifier", "oauth_code", "api_key", "jwt_secret", "encryption_keys"],
)  # fmt: skip
def test_a_value_whose_key_names_a_secret_is_redacted(key: str) -> None:
    assert redact(None, "info", {"event": "x", key: "the value"})[key] == REDACTED


@pytest.mark.parametrize("key", ["status_code", "tokens_refreshed", "state", "code", "run_id", "user_id"])
def test_a_value_whose_key_names_no_secret_stays(key: str) -> None:
    assert redact(None, "info", {"event": "x", key: "kept"})[key] == "kept"


@pytest.mark.parametrize(
    "text",
    [
        "GET https://example.com/cb?code=SEKRET&state=SEKRET failed",
        "postgresql://astrelo:SEKRET@127.0.0.1:5432/astrelo",
        "Authorization: Bearer SEKRET.more",
        '{"access_token": "SEKRET", "expires_in": 1800}',
        "signed with whsec_SEKRET+/= for a test",
        "the token eyJSEKRET.eyJzdWIi.sig was sent",
    ],
)
def test_a_secret_inside_a_text_is_redacted(text: str) -> None:
    event = redact(None, "info", {"event": text, "details": [{"inner": text}]})
    assert "SEKRET" not in str(event)


def test_an_address_with_a_port_is_no_secret() -> None:
    text = "Listening at: http://127.0.0.1:8000"
    assert redact(None, "info", {"event": text})["event"] == text


def test_tracebacks_of_our_code_and_of_libraries_hide_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info", LogFormat.CONSOLE)
    hidden = "SEKRET"
    try:
        int(f"postgresql://user:{hidden}@host/db")
    except ValueError:
        structlog.get_logger("astrelo.test").exception("test.failed")
        logging.getLogger("a_library").exception("failed at Bearer %s", hidden)
    output = capsys.readouterr().err
    assert output.count("Traceback") == 2
    assert hidden not in output


def test_json_lines_carry_what_is_bound(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info", LogFormat.JSON)
    with structlog.contextvars.bound_contextvars(run_id="7"):
        structlog.get_logger("astrelo.test").info("sync.page_stored", records=100)
        logging.getLogger("a_library").warning("hm")
    ours, theirs = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert (ours["event"], ours["level"], ours["run_id"], ours["records"]) == (
        "sync.page_stored",
        "info",
        "7",
        100,
    )
    assert (theirs["event"], theirs["logger"], theirs["run_id"]) == ("hm", "a_library", "7")


def test_what_http_clients_log_about_urls_is_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info", LogFormat.JSON)
    logging.getLogger("httpx").info("GET https://example.com/?code=1")
    logging.getLogger("httpcore.http11").debug("headers")
    assert capsys.readouterr().err == ""


def test_nothing_goes_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("debug", LogFormat.CONSOLE)
    structlog.get_logger("astrelo.test").warning("something")
    assert capsys.readouterr().out == ""
