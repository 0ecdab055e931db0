"""Build the page's data/regions.json: English names of regions by ISO 3166-2 code, from CLDR.

`make places` fetches npm's `cldr-subdivisions-full` and runs this on it. The same source gives the same file.
"""

import json
import re
import sys
from pathlib import Path

import pycountry

from astrelo.adapters.inbound.http import console

TARGET = Path(console.__file__).parent / "page" / "data" / "regions.json"
_SUPERSCRIPTS = re.compile("[\u00b2\u00b3\u00b9\u2070-\u2079]")
"""CLDR distinguishes namesakes by them."""


def main(sources: Path) -> None:
    (english,) = sources.glob("cldr-subdivisions-full/**/subdivisions/en/*.json")
    names = json.loads(english.read_text("utf-8"))["subdivisions"]["localeDisplayNames"]["subdivisions"]
    codes = sorted(region.code for region in pycountry.subdivisions)
    found = {
        code: _SUPERSCRIPTS.sub("", name)
        for code in codes
        if (name := names.get(code.replace("-", "").lower()))
    }
    TARGET.write_text(json.dumps(found, ensure_ascii=False, indent=0) + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
