"""Records of an org's own set-up: Organization, OpportunityStage, CurrencyType."""

from collections.abc import Callable, Iterator, Mapping

from crm_sandbox.salesforce.org.admin_user import ORG_CREATED_AT, TIME_ZONE
from crm_sandbox.salesforce.org.ids import numbered_id, record_id
from crm_sandbox.salesforce.org.opportunity_stages import OpportunityStages
from crm_sandbox.salesforce.org.store import Row
from crm_sandbox.salesforce.sobjects.schema import Value

CORPORATE_CURRENCY = "USD"
_CURRENCIES = ((CORPORATE_CURRENCY, 1.0), ("EUR", 0.92), ("GBP", 0.79))


def build_organization_rows(account_number: int, name: str, _stages: OpportunityStages) -> Iterator[Row]:
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


def build_stage_rows(_account_number: int, _name: str, stages: OpportunityStages) -> Iterator[Row]:
    for position, stage in enumerate(stages, start=1):
        yield _row(
            record_id("OpportunityStage", position),
            MasterLabel=stage.name,
            ApiName=stage.name,
            Description=None,
            IsActive=True,
            IsClosed=stage.is_closed,
            IsWon=stage.is_won,
            SortOrder=position,
            ForecastCategory=stage.forecast_category,
            ForecastCategoryName=stage.forecast,
            DefaultProbability=float(stage.probability),
        )


def build_currency_rows(_account_number: int, _name: str, _stages: OpportunityStages) -> Iterator[Row]:
    for position, (code, rate) in enumerate(_CURRENCIES, start=1):
        yield _row(
            record_id("CurrencyType", position),
            IsoCode=code,
            ConversionRate=rate,
            DecimalPlaces=2,
            IsActive=True,
            IsCorporate=code == CORPORATE_CURRENCY,
        )


SETUP_ROWS: Mapping[str, Callable[[int, str, OpportunityStages], Iterator[Row]]] = {
    "Organization": build_organization_rows,
    "OpportunityStage": build_stage_rows,
    "CurrencyType": build_currency_rows,
}


def _row(row_id: str, **fields: Value) -> Row:
    timestamps = dict.fromkeys(("CreatedDate", "LastModifiedDate", "SystemModstamp"), ORG_CREATED_AT)
    return Row(fields={"Id": row_id, **timestamps, **fields})
