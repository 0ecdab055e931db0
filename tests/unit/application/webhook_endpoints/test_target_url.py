"""URLs of webhook endpoints: what can be seen in the text alone is refused early, with its reason."""

import pytest

from astrelo.application import messages
from astrelo.application.webhook_endpoints.target_url import MAX_URL_LENGTH, TargetPolicy, validate_url
from astrelo.domain.errors import InvalidInput

PRODUCTION = TargetPolicy()
DEVELOPMENT = TargetPolicy(allow_http=True, allow_loopback=True)
PORTS = messages.PORT_NOT_ALLOWED.format(ports="443, 8443")
LONG = "https://example.com/" + "x" * MAX_URL_LENGTH

GOOD = (
    "https://hooks.example.com/astrelo?tenant=7",
    "https://example.com",
    "https://EXAMPLE.com:443/%20",
    "https://example.com:8443/",
    "https://xn--mnchen-3ya.example/",
    "https://8.8.8.8/",
    "https://[2606:4700::1111]/",
)
REFUSED = {
    LONG: messages.URL_TOO_LONG.format(limit=MAX_URL_LENGTH),
    "http://example.com/": messages.URL_NOT_HTTPS,
    "ftp://example.com/": messages.URL_NOT_HTTPS,
    "javascript:alert(1)": messages.URL_NOT_HTTPS,
    "//example.com/": messages.URL_NOT_HTTPS,
    "example.com": messages.URL_NOT_HTTPS,
    "https://user:pass@example.com/": messages.URL_WITH_CREDENTIALS,
    "https://@example.com/": messages.URL_WITH_CREDENTIALS,
    "https://example.com@10.0.0.1/": messages.URL_WITH_CREDENTIALS,
    "https://example.com/#part": messages.URL_WITH_FRAGMENT,
    "https://example.com/#": messages.URL_WITH_FRAGMENT,
    "https://": messages.NO_HOST,
    "https:///path": messages.NO_HOST,
    "https://intranet/": messages.NO_HOST,
    "https://example.com./": messages.NO_HOST,
    "https://.example.com/": messages.NO_HOST,
    "https://exa%6dple.com/": messages.NO_HOST,
    "https://127.1/": messages.NO_HOST,
    "https://0x7f.1/": messages.NO_HOST,
    "https://0x7f000001/": messages.NO_HOST,
    "https://2130706433/": messages.NO_HOST,
    "https://0177.0.0.1/": messages.NO_HOST,
    "https://[::1/": messages.NO_URL,
    "https://[nonsense]/": messages.NO_URL,
    "https://example.com:x/": messages.NO_URL,
    "https://example.com:65536/": messages.NO_URL,
    "https://example.com:25/": PORTS,
    "https://example.com:80/": PORTS,
    "https://example.com:0/": PORTS,
    "https://localhost/": messages.ADDRESS_NOT_ALLOWED,
    "https://sub.localhost/": messages.ADDRESS_NOT_ALLOWED,
    "https://127.0.0.1/": messages.ADDRESS_NOT_ALLOWED,
    "https://[::1]/": messages.ADDRESS_NOT_ALLOWED,
    "https://[::ffff:127.0.0.1]/": messages.ADDRESS_NOT_ALLOWED,
    "https://[fe80::1%25eth0]/": messages.ADDRESS_NOT_ALLOWED,
    "https://169.254.169.254/latest/meta-data": messages.ADDRESS_NOT_ALLOWED,
    "https://10.0.0.1/": messages.ADDRESS_NOT_ALLOWED,
    "https://[64:ff9b::7f00:1]/": messages.ADDRESS_NOT_ALLOWED,
    "https://münchen.example/": messages.URL_NOT_ASCII,
    "https://example.com/a b": messages.URL_NOT_ASCII,
    "https://example.com/\r\nHost: x": messages.URL_NOT_ASCII,
    "https://example.com\\@10.0.0.1/": messages.URL_NOT_ASCII,
    "https://example.com/\0": messages.URL_NOT_ASCII,
    "": messages.URL_NOT_ASCII,
}


@pytest.mark.parametrize("url", GOOD)
def test_a_url_on_the_internet_is_taken_as_it_is(url: str) -> None:
    assert validate_url(url, PRODUCTION) == url


@pytest.mark.parametrize("url", REFUSED)
def test_a_url_that_cannot_be_a_target_is_refused_with_the_reason(url: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        validate_url(url, PRODUCTION)
    assert (caught.value.field, caught.value.reason) == ("url", REFUSED[url])


@pytest.mark.parametrize("url", ["http://localhost:8899/", "http://127.0.0.1:1/", "http://[::1]:5000/hook"])
def test_development_may_take_this_machine_over_http_and_on_any_port(url: str) -> None:
    assert validate_url(url, DEVELOPMENT) == url
    with pytest.raises(InvalidInput):
        validate_url(url, TargetPolicy(allow_http=True))


def test_development_takes_no_other_private_address() -> None:
    with pytest.raises(InvalidInput):
        validate_url("http://10.0.0.1/", DEVELOPMENT)
