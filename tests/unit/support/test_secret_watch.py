"""The watch over secrets, watched: tests that leak on purpose are run and must fail."""

import pytest

pytest_plugins = ["pytester"]

SECRET = "CJ-a-token-nobody-may-print"

LEAKS = {
    "its own stdout": "print(TOKEN)",
    "a warning in the log": "logging.getLogger('crm').warning('refused: %s', TOKEN)",
    "a child's stdout": "spawn(sys.executable, '-c', f'print({TOKEN!r})').wait()",
    "a child's stderr": "spawn(sys.executable, '-c', f'raise SystemExit({TOKEN!r})').wait()",
    "a child that is still running": (
        "spawn(sys.executable, '-c', f'print({TOKEN!r}, flush=True); import time; time.sleep(60)')"
        ".wait_for('token')"
    ),
}

TEST = """
import logging
import sys

TOKEN = SECRET

def test_prints(secrets, spawn):
    secrets.register(TOKEN)
    STATEMENT
"""


SANDBOX_TEST = """
import pytest
from crm_sandbox import Dataset
from crm_sandbox.CRM import create_sandbox

@pytest.fixture
def sandbox():
    return create_sandbox(Dataset.from_records([], name="Empty"))

def test_prints(sandbox):
    print(sandbox.oauth.connect(ACCOUNT)["access_token"])
"""


def run(pytester: pytest.Pytester, statement: str, test: str = TEST) -> pytest.RunResult:
    pytester.makeconftest(
        "from tests.support.secret_watch import pytest_runtest_makereport, secrets, spawn\n"
        f"import sys; sys.path.insert(0, {str(pytester._request.config.rootpath)!r})"
    )
    pytester.makepyfile(test.replace("SECRET", repr(SECRET)).replace("STATEMENT", statement))
    return pytester.runpytest_inprocess("-p", "no:cacheprovider")


@pytest.mark.parametrize("statement", LEAKS.values(), ids=LEAKS.keys())
def test_a_leak_is_caught(pytester: pytest.Pytester, statement: str) -> None:
    result = run(pytester, statement)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*a secret stands in *"])


@pytest.mark.parametrize(
    ("crm", "account"), [("hubspot", "sandbox.account.portal_id"), ("salesforce", "sandbox.org.org_id")]
)
def test_what_a_sandbox_among_the_fixtures_issues_is_secret_by_itself(
    pytester: pytest.Pytester, crm: str, account: str
) -> None:
    result = run(pytester, "", SANDBOX_TEST.replace("CRM", crm).replace("ACCOUNT", account))
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*a secret stands in *"])


def test_a_test_that_keeps_its_secret_passes(pytester: pytest.Pytester) -> None:
    result = run(pytester, "spawn(sys.executable, '-c', 'print(\"nothing to see\")').wait()")
    result.assert_outcomes(passed=1)
