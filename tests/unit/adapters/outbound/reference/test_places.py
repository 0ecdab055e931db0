"""Countries and regions as people in every country write them."""

from zipfile import ZipFile

import pycountry
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from astrelo.adapters.outbound.reference import BundledReferenceData
from astrelo.adapters.outbound.reference.data_files import DATA
from astrelo.adapters.outbound.reference.place_names import fold_words, folded_key

WORLD = BundledReferenceData()
REGIONS = {region.code: region for region in pycountry.subdivisions}

COUNTRIES_AS_WRITTEN = """
US: US; usa; U.S.; U. S. A.; United States; The United States of America; United States (USA); USA - United States
US: Estados Unidos; Etats-Unis; Vereinigte Staaten; Stati Uniti; Stany Zjednoczone; США; アメリカ合衆国; 미국; ABD
US: California, USA; New York, US
GB: UK; U.K.; England; Great Britain; Scotland, UK; Wales; N. Ireland; Ireland, Northern; GB - United Kingdom
GB: Vereinigtes Königreich; Royaume-Uni; Reino Unido; Inglaterra; Schottland; Wielka Brytania; イギリス; Birleşik Krallık
DE: Deutschland; Allemagne; Alemania; Duitsland; Niemcy; Saksa; 德国; ドイツ; 🇩🇪; Germany/Deutschland; DEU; [DE] Germany
DE: Federal Republic of Germany; Bundesrepublik Deutschland; Bavaria, Germany; DE - Germany
FR: Frankreich; Francja; République française; فرنسا; La France
NL: Holland; The Netherlands; Netherlands, The; Pays-Bas; Niederlande; Nederland
AT: Österreich; OESTERREICH; Rakousko; Autriche
CH: Schweiz; Suisse/Svizzera; Schweiz / Suisse / Svizzera / Svizra; Zwitserland
DK: Danmark; Daenemark; Dänemark; NO: Norge; Norwegen; SE: Sverige; Suède; Ruotsi; FI: Suomi; Finnland
IS: Ísland; FO: Faroe Is.; Føroyar; AX: Aaland; Åland
CZ: Czech Republic; Czechia; Czech Rep.; Tschechien; Česko; PL: Polska; HU: Magyarország; RO: Romania; Rumaenien
GR: Ελλάδα; Hellas; EL; BG: България; RU: Россия; Russia; Russian Fed.; UA: Україна; The Ukraine; BY: Weißrussland
TR: Turkey; Türkiye; TUERKEI; Türkei; Turkey (Türkiye); MK: Macedonia, FYR; FYROM; N. Macedonia; XK: Kosova; Kosovo
BA: Bosnia & Herzegovina; Bosnia-Herzegovina; Bosnien und Herzegowina; IE: Éire; Ireland (Republic)
ES: España; Spanien; PT: Portugal; IT: Italia; Italien; BE: België / Belgique; LU: Grand Duchy of Luxembourg
KR: South Korea; Korea, South; Korea, Rep.; Republic of Korea; 대한민국; Südkorea; So. Korea
KP: North Korea; Korea, Dem. People's Rep.; DPRK; N Korea
CN: 中国; 中华人民共和国; P.R. China; China, People's Republic of; Mainland China
TW: Taiwan; Taiwan (Republic of China); Republic of China; 臺灣; Taiwan, China; HK: Hong Kong; Hong Kong SAR, China; 香港
MO: Macau; Macao, China; JP: 日本; Nippon; Giappone; IN: Bharat; Indien; TH: ไทย; VN: Vietnam; Việt Nam
LA: Lao PDR; MM: Burma; TL: E. Timor; LK: Ceylon; KH: Kampuchea; IR: Iran, Islamic Republic of; ایران
SA: السعودية; K.S.A.; AE: UAE; U.A.E.; Dubai, UAE; EG: Egypt, Arab Rep.; مصر; IL: ישראל; PS: Palestine, State of
CD: DR Congo; Congo, Dem. Rep.; Congo (DRC); Zaire; CG: Congo, Rep.; Republic of the Congo; Congo-Brazzaville
CI: CÔTE D'IVOIRE; cote d ivoire; Ivory Coast; Elfenbeinküste; ZA: S. Africa; RSA; Südafrika; SZ: Swaziland (Eswatini)
SS: S. Sudan; Sudan, South; GQ: Guinea, Equatorial; GW: Guinea Bissau; CV: Cape Verde; BF: Upper Volta; BJ: Dahomey
LC: St. Lucia; VC: St.Vincent & the Grenadines; TT: Trinidad & Tobago; AG: Antigua; GM: Gambia, The
VG: Virgin Islands, British; BVI; VI: US Virgin Islands; Virgin Islands (U.S.); PR: Puerto Rico, USA; DO: Rep. Dominicana
BO: Bolivia (Plurinational State of); VE: Venezuela, RB; MX: Méjico; BR: Brasil; FK: Falkland Islands (Malvinas)
FM: Micronesia, Fed. Sts.; PG: Papua-New Guinea; WS: Western Samoa; AS: Samoa, American; GE: Georgia; Tbilisi, Georgia
"""

REGIONS_AS_WRITTEN = """
US-CA: CA; us-ca; California; State of California; CA 94105; San Diego, CA; Cal.; Californie; California (US)
US-NC: N. Carolina; N.C.; Carolina, North; US-WV: W. Va.; US-GA: Ga.; Georgia, USA; US-DC: D.C.; Washington, D.C.
US-NY: New York State; NY - New York; New York, New York; Nueva York; US-HI: Hawaiʻi; US-MA: Mass.
CA-QC: Québec; PQ; Province of Quebec; Que.; CA-PE: P.E.I.; CA-ON: Ontario, Canada; CA-NL: Newfoundland
AU-NSW: New South Wales; N.S.W.; NSW 2000; AU-VIC: Vic.; AU-SA: S. Australia; NZ-HKB: Hawkes Bay
MX-CMX: México, D.F.; Ciudad de México; MX-NLE: Nuevo Leon; MX-MEX: Edo. de México; BR-RJ: Rio de Janeiro/RJ; RJ
AR-C: CABA; Ciudad Autónoma de Buenos Aires; AR-B: Provincia de Buenos Aires; CO-ANT: Departamento de Antioquia
CL-RM: Región Metropolitana (Santiago); PE-CAL: Callao
DE-BY: Bayern; Bavaria; Bayern / Bavaria; Baviera; Munich, Bavaria; DE-TH: Thueringen; DE-SN: Freistaat Sachsen
DE-NW: NRW; Nordrhein Westfalen; AT-3: Niederoesterreich; Lower Austria; CH-GE: Canton de Genève; Genf
CH-SG: St.Gallen; Sankt Gallen; Kt. St. Gallen; FR-IDF: Ile de France; FR-13: 13 - Bouches-du-Rhône; FR-OCC: Occitania
FR-59: Département du Nord; FR-20R: Corsica; BE-VOV: East Flanders; NL-NH: N. Holland; Provincie Noord-Holland
IT-25: Lombardia; Lombardy; IT-RM: Rome; IT-TO: Turin; IT-MI: Milano, Lombardia; ES-SE: Seville; ES-CT: Catalunya
ES-MC: Region de Murcia; ES-BI: Vizcaya; PT-13: Oporto; GB-KEN: Kent, England; GB-DUR: Co Durham; GB-HAM: Hants
GB-SCT: Schottland; IE-CO: Co. Cork; County Cork; PL-14: woj. mazowieckie; Masovian Voivodeship; CZ-64: Jihomoravsky kraj
SE-M: Skåne län; Scania; SE-AB: Stockholms län; NO-15: Moere og Romsdal; DK-84: Region Hovedstaden; FI-18: Nyland
RU-MOS: Moscow region; Московская область; RU-SPE: St. Petersburg; UA-32: Kyiv Oblast; UA-30: Київ; LT-KU: Kaunas
GR-I: Αττική; Attiki; TR-34: ISTANBUL; istanbul; İstanbul ili; RO-CJ: Judetul Cluj; BG-22: Sofia City
JP-13: Tokyo; Tōkyō; Tokyo-to; 東京; JP-27: Osaka-fu; 大阪; JP-01: 北海道; CN-GD: Guangdong Sheng; 广东; 廣東省
CN-SN: Shaanxi; CN-SX: Shanxi; CN-NM: Nei Mongol; TW-CYI: Chiayi City; TW-CYQ: 嘉義縣; KR-11: 서울; Seoul-si
KR-41: Gyeonggi-do; 경기도; TH-50: จังหวัดเชียงใหม่; VN-SG: TP. Hồ Chí Minh; IN-OD: Orissa; IN-JK: J&K; IN-PY: Pondicherry
IN-MH: महाराष्ट्र; AE-DU: دبي; SA-01: منطقة الرياض; EG-ALX: Alexandria; IL-TA: תל אביב; ZA-WC: W. Cape; NG-LA: Lagos State
KE-30: Nairobi County; KZ-75: Алматы; GE-TB: Tbilisi; IR-12: Kurdistan; MA-06: Casablanca-Settat; ID-JB: West Java
"""

NO_COUNTRY = (
    "|n/a|N.A.|k.A.|-|?|none|unknown|Other|Atlantis|EMEA|APAC|EU|E.U.|Europe|Latin America|Benelux|DACH|Worldwide"
    "|Netherlands Antilles|Yugoslavia|Soviet Union|Virgin Islands|Channel Islands|Norfolk|New Mexico|Jersey City"
    "|Georgia, USA|GA - Georgia|Atlanta, Georgia|CA - California|DE - Delaware|Springfield, IL|Luxembourg, Belgium"
    "|USA & Canada|UK/US|Germany, Austria|Northern Cyprus|Republic of Crimea|Kongo|Democratic Republic|Republic|The"
)
NO_REGION = (
    "US:Bavaria|US:|IT:n/a|IT:N.A.|IN:K.A.|CN:CA|HK:CA|ZZ:CA|US:Kansas City|US:Delaware County|US:Ontario, Canada"
    "|US:CA/NV|US:Texas or Ohio|US:Midwest|US:USA|DE:Germany|TW:Chiayi|UZ:Tashkent|BG:Sofia|GB:Yorkshire|IT:Provincia"
    "|JP:県|MA:Grand Casablanca"
)


def as_written(table: str) -> list[tuple[str, str]]:
    found, code = [], ""
    for entry in table.replace("\n", ";").split(";"):
        head, colon, name = entry.strip().partition(": ")
        code = head if colon else code
        if entry.strip():
            found.append((code, name if colon else head))
    return found


def stored_names(member: str, header_lines: int) -> list[tuple[str, str]]:
    with ZipFile(str(DATA.joinpath("places.zip"))) as archive:
        lines = archive.read(member).decode().splitlines()[header_lines:]
    return [(name, meaning) for name, meaning, *_ in (line.split("\t") for line in lines)]


def aliases(file_name: str) -> list[tuple[str, str]]:
    lines = DATA.joinpath(file_name).read_text("utf-8").splitlines()
    return [(code, name) for code, _, name in (line.partition("\t") for line in lines)]


class TestCountries:
    @pytest.mark.parametrize(("code", "name"), as_written(COUNTRIES_AS_WRITTEN))
    def test_a_country_is_found_by_the_names_that_people_use(self, code: str, name: str) -> None:
        assert WORLD.country(name) == code

    @pytest.mark.parametrize("name", [*NO_COUNTRY.split("|"), "x" * 100_000, "\ud800", "\0", "(" * 100])
    def test_what_is_no_country_today_is_none(self, name: str) -> None:
        assert WORLD.country(name) is None

    def test_every_code_and_english_name_of_the_standard_leads_to_its_country(self) -> None:
        for country in pycountry.countries:
            names = (getattr(country, kind, "") for kind in ("name", "official_name", "common_name"))
            for raw in (country.alpha_2, country.alpha_3, country.alpha_2.lower(), *filter(None, names)):
                assert WORLD.country(raw) == country.alpha_2
                assert WORLD.country(f"{country.name} ({country.alpha_2})") == country.alpha_2

    def test_every_alias_leads_where_it_says(self) -> None:
        assert [
            (code, name)
            for code, name in aliases("country_names.tsv")
            if (WORLD.country(name) or "-") != code
        ] == []

    def test_every_stored_name_leads_to_its_country_or_to_none(self) -> None:
        ours = {folded_key(fold_words(name)) for _, name in aliases("country_names.tsv")}
        codes = {code.lower() for each in pycountry.countries for code in (each.alpha_2, each.alpha_3)}
        wrong = [
            (name, code)
            for name, code in stored_names("countries.tsv", 1)
            if code and name not in ours | codes and (WORLD.country(name) or code) != code
        ]
        assert wrong == []


class TestRegions:
    @pytest.mark.parametrize(("code", "name"), as_written(REGIONS_AS_WRITTEN))
    def test_a_region_is_found_by_code_and_by_name(self, code: str, name: str) -> None:
        assert WORLD.region(code[:2], name) == code

    @pytest.mark.parametrize("raw", [*NO_REGION.split("|"), "US:" + "x" * 100_000, "US:\ud800", "US:\0"])
    def test_what_is_no_region_of_the_country_is_none(self, raw: str) -> None:
        country, _, name = raw.partition(":")
        assert WORLD.region(country, name) is None

    def test_every_code_of_the_standard_leads_to_its_region(self) -> None:
        wrong = [code for code in REGIONS if WORLD.region(code[:2], code) != code]
        assert wrong == []

    def test_every_name_of_the_standard_leads_to_its_region_its_whole_or_none_if_two_have_it(self) -> None:
        wrong = [
            (code, region.name)
            for code, region in REGIONS.items()
            if WORLD.region(code[:2], region.name) not in {code, region.parent_code, None}
        ]
        unknown = [code for code, region in REGIONS.items() if WORLD.region(code[:2], region.name) is None]
        assert wrong == []
        assert len(unknown) < 30

    def test_every_alias_leads_to_a_region_that_exists(self) -> None:
        for code, name in aliases("region_names.tsv"):
            assert WORLD.region(code[:2], name) == (code if len(code) > 3 else None)
            assert len(code) == 3 or code in REGIONS

    @pytest.mark.parametrize("country", ["CN", "DE", "FR", "GB", "IT", "JP", "LT", "RU", "TW", "US"])
    def test_every_stored_name_leads_to_its_region_or_to_none(self, country: str) -> None:
        ours = {
            folded_key(fold_words(name)) for code, name in aliases("region_names.tsv") if code[:2] == country
        }
        codes = {code[3:].lower() for code in REGIONS if code[:2] == country}
        wrong = [
            (name, code, WORLD.region(country, name))
            for name, code in stored_names(f"regions/{country}.tsv", 3)
            if name not in ours | codes and WORLD.region(country, name) not in {f"{country}-{code}", None}
        ]
        assert wrong == []


@given(st.text(max_size=100))
@settings(max_examples=500, deadline=None)
def test_folding_a_folded_name_changes_nothing(name: str) -> None:
    key = folded_key(fold_words(name))
    assert folded_key(fold_words(key)) == key


@given(st.text(st.characters() | st.sampled_from("()[],/-.&"), max_size=120))
@settings(max_examples=500, deadline=None)
def test_no_text_is_too_odd_to_be_asked_for(name: str) -> None:
    country = WORLD.country(name)
    assert country is None or len(country) == 2
    for asked in ("US", "CN", "??"):
        region = WORLD.region(asked, name)
        assert region is None or region in REGIONS
