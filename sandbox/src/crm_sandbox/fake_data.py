"""The companies, people and domains that made-up datasets and mutations are made of, all of them invented."""

_BEGINNINGS = (
    "Bron", "Calv", "Dask", "Elvo", "Farn", "Gryl", "Hosk", "Ister", "Jorv", "Kelt", "Lumb", "Morv",
    "Narq", "Ostra", "Pelv", "Quor", "Rask", "Sylv", "Tarv", "Ulmo", "Vask", "Wend", "Xero", "Yarl", "Zend",
)  # fmt: skip
_MIDDLES = ("an", "el", "ib", "or", "ut", "ax", "em", "in", "os", "ur")
_ENDINGS = ("ta", "vex", "dra", "lix", "mont", "qua", "sen", "tron", "vio", "zor")


def company_stem(number: int) -> str:
    """Invent a name for each number: 2,500 of them, then numbered."""
    size = len(_BEGINNINGS) * len(_MIDDLES) * len(_ENDINGS)
    place = number * 1_237 % size
    first, rest = divmod(place, len(_MIDDLES) * len(_ENDINGS))
    middle, last = divmod(rest, len(_ENDINGS))
    again = number // size
    return f"{_BEGINNINGS[first]}{_MIDDLES[middle]}{_ENDINGS[last]}{again or ''}"


COMPANY_KINDS = (
    "GmbH", "Inc.", "LLC", "Ltd", "S.A.", "& Sons", "Logistics", "Software", "Foods", "Systems Oy",
    "Medical", "Energy", "Café", "Consulting", "Holding B.V.",
)  # fmt: skip
TOP_LEVELS = (".com", ".com", ".com", ".io", ".de", ".co.uk", ".fr", ".com.au", ".co.jp")
DOMAIN_NOISE = (
    "www.{0}", "https://{0}", "http://www.{0}/", "https://www.{0}/about-us?lang=en", "{1}", "WWW.{1}",
    "{0}/", "{0}:8080", " {0} ", "{0}.", "HTTPS://{1}/#top", "//{0}",
)  # fmt: skip
SHARED_DOMAINS = (
    "gmail.com", "facebook.com", "https://www.facebook.com/ourpage", "linkedin.com/company/ours",
    "sites.google.com/view/ours", "outlook.com", "instagram.com/ours", "linktr.ee/ours",
)  # fmt: skip
UNREADABLE_DOMAINS = (
    "n/a",
    "none",
    "-",
    "tbd",
    "not a domain",
    "info@",
    "http://",
    "localhost",
    "192.0.2.10",
)
FREE_MAIL = ("gmail.com", "yahoo.com", "outlook.com", "hotmail.com", "gmx.de", "icloud.com")
INVALID_EMAILS = ("n/a", "unknown", "nobody@", "@nowhere", "two@at@signs", "no at sign", "x@localhost")
FOREIGN_DOMAINS = ("partner-of-nobody.com", "unheardofventures.io", "strangerworks.de")

PLACES = (
    ("United States", "CA", "San Francisco"),
    ("USA", "California", "Los Angeles"),
    ("US", "New York", "New York"),
    ("U.S.", "tx", "Austin"),
    ("United Kingdom", None, "London"),
    ("UK", "England", "Leeds"),
    ("Germany", "Bayern", "München"),
    ("Deutschland", "Berlin", "Berlin"),
    ("Canada", "BC", "Vancouver"),
    ("France", "Île-de-France", "Paris"),
    ("Japan", None, "東京"),
    ("Brasil", "São Paulo", "São Paulo"),
    ("australia", "NSW", "Sydney"),
    ("Atlantis", "Nowhere", None),
    (None, "CA", None),
    (None, None, None),
)  # fmt: skip
DESCRIPTIONS = (
    "Makes things for people who make things.",
    "Family-owned since 1962.\r\nThree sites.\tTwo <b>brands</b> &amp; one idea.",
    "Données, modèles et conseils — “pour demain”.",
    "Solutions " * 400,
)
EMPLOYEE_RANGES = ("50-100", "11 - 50", "1000+", "201–500")  # noqa: RUF001 - people type dashes of every kind
ODD_NUMBERS = ("~40", "1.5e3", "-5", "99999999999999999999", "approx. 2 Mio", "$2.5M", "0", "12.7")

FIRST_NAMES = (
    "Amara", "Bela", "Chidi", "Dana", "Eino", "Fatou", "Goran", "Hana", "Imre", "Jolanta", "Kofi", "Lena",
    "Mila", "Nuno", "Oksana", "Pavel", "Rosa", "Søren", "Tomás", "Yusuf",
)  # fmt: skip
LAST_NAMES = (
    "Abara", "Bergqvist", "Castell", "Dunmore", "Eklund", "Farkas", "Grimaldo", "Holm", "Ivanik", "Jansky",
    "Kowal", "Lindt", "Moreau", "Nakata", "Okoro", "Petrov", "Quist", "Rourke", "Tanaka", "Wolfe",
)  # fmt: skip
JOB_TITLES = ("CEO", "Head of Sales", "Procurement", "Développeuse", "VP, Operations", "Intern", None, None)

DEAL_KINDS = ("renewal", "new business", "pilot", "expansion")
