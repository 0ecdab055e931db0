"""Whether a company fits the ideal customer profile, criterion by criterion: the rule of `read_companies`, in words."""

from collections.abc import Mapping
from typing import Any

from astrelo.application.read import explanations, views
from astrelo.domain.icp import expand_naics, has_naics_prefix


def explain_icp(
    company: Mapping[str, Any], profile: views.IcpProfileView | None
) -> explanations.IcpExplanation:
    """Judge each criterion; without a profile, as with an empty one, everything fits."""
    criteria = [] if profile is None else _judge_all(company, profile)
    misfits = {explanations.CriterionOutcome.NOT_MET, explanations.CriterionOutcome.UNKNOWN}
    return explanations.IcpExplanation(
        fits=not any(criterion.outcome in misfits for criterion in criteria), criteria=criteria
    )


def _judge_all(
    company: Mapping[str, Any], profile: views.IcpProfileView
) -> list[explanations.CriterionExplanation]:
    naics, employees = company["naics"], company["employee_count"]
    low, high = profile.employee_min, profile.employee_max
    prefixes = [prefix for code in profile.naics for prefix in expand_naics(code)]
    kind = explanations.IcpCriterion
    return [
        _judge(kind.INDUSTRIES, profile.industries, company["industry"]),
        _judge(
            kind.NAICS,
            profile.naics,
            naics,
            is_met=naics is not None and any(has_naics_prefix(naics, prefix) for prefix in prefixes),
        ),
        _judge(
            kind.EMPLOYEES,
            (low, high) if low is not None or high is not None else (),
            employees,
            is_met=employees is not None
            and (low is None or employees >= low)
            and (high is None or employees <= high),
        ),
        _judge(kind.REVENUE_RANGES, profile.revenue_ranges, company["revenue_range"]),
        _judge(kind.COUNTRIES, profile.countries, company["hq_country"]),
    ]


def _judge(
    criterion: explanations.IcpCriterion,
    wanted: list[str] | tuple[object, ...],
    value: explanations.Value,
    *,
    is_met: bool | None = None,
) -> explanations.CriterionExplanation:
    if not wanted:
        outcome = explanations.CriterionOutcome.ANY
    elif value is None:
        outcome = explanations.CriterionOutcome.UNKNOWN
    elif value in wanted if is_met is None else is_met:
        outcome = explanations.CriterionOutcome.MET
    else:
        outcome = explanations.CriterionOutcome.NOT_MET
    return explanations.CriterionExplanation(criterion=criterion, outcome=outcome, value=value)
