"""What an org tells of its own set-up as records: itself, its stages, its currencies."""

from collections.abc import Callable, Iterator, Mapping

from crm_sandbox.salesforce.org.admin_user import MADE_AT, TIME_ZONE
from crm_sandbox.salesforce.org.ids import numbered_id, record_id
from crm_sandbox.salesforce.org.opportunity_stages import Stages
from crm_sandbox.salesforce.org.store import Row
from crm_sandbox.salesforce.sobjects.schema import Value

CORPORATE_CURRENCY = "USD"
_CURRENCIES = ((CORPORATE_CURRENCY, 1.0), ("EUR", 0.92), ("GBP", 0.79))


def organization(account_number: int, name: str, _stages: Stages) -> Iterator[Row]:
    yield _row(
        numbered_id("00D", account_number),
        Name=name[:80],
        Country="US",
        State=None,
        TimeZoneSidKey=TIME_ZONE,
        DefaultLocaleSidKey="en_US",
        LanguageLocaleKey="en_US",
        OrganizationType="Enterprise Edition",
        InstanceName="USA1S",
        NamespacePrefix=None,
        TrialExpirationDate=None,
        IsSandbox=False,
    )


def opportunity_stages(_account_number: int, _name: str, stages: Stages) -> Iterator[Row]:
    for place, stage in enumerate(stages.all(), start=1):
        yield _row(
            record_id("OpportunityStage", place),
            MasterLabel=stage.name,
            ApiName=stage.name,
            Description=None,
            IsActive=True,
            IsClosed=stage.is_closed,
            IsWon=stage.is_won,
            SortOrder=place,
            ForecastCategory=stage.forecast_category,
            ForecastCategoryName=stage.forecast,
            DefaultProbability=float(stage.probability),
        )


def currency_types(_account_number: int, _name: str, _stages: Stages) -> Iterator[Row]:
    for place, (code, rate) in enumerate(_CURRENCIES, start=1):
        yield _row(
            record_id("CurrencyType", place),
            IsoCode=code,
            ConversionRate=rate,
            DecimalPlaces=2,
            IsActive=True,
            IsCorporate=code == CORPORATE_CURRENCY,
        )


SETUP_ROWS: Mapping[str, Callable[[int, str, Stages], Iterator[Row]]] = {
    "Organization": organization,
    "OpportunityStage": opportunity_stages,
    "CurrencyType": currency_types,
}


def _row(row_id: str, **fields: Value) -> Row:
    stamps = dict.fromkeys(("CreatedDate", "LastModifiedDate", "SystemModstamp"), MADE_AT)
    return Row(fields={"Id": row_id, **stamps, **fields})
