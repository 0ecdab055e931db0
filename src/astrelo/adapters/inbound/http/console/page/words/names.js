// Names for what the API gives as codes: CRMs, industries, countries, regions, owners.

import { useEffect, useState } from "../vendor/preact.js";
import { ask } from "../data/api.js";
import { CRM_LABELS, INDUSTRIES } from "../data/server_data.js";
import { LOCALE } from "./format.js";

const countries = new Intl.DisplayNames([LOCALE], { type: "region", fallback: "code" });
let regions = {};
let reading = null;

export const crmName = (provider) => CRM_LABELS[provider] ?? provider;

export function industryName(value) {
  const found = Object.values(INDUSTRIES).find((labels) => Object.hasOwn(labels, value));
  return found ? found[value] : value;
}

export const industryChoices = () => Object.values(INDUSTRIES)
  .flatMap((labels) => Object.entries(labels))
  .sort(([, one], [, other]) => one.localeCompare(other, LOCALE));

export function countryName(code) {
  if (!code) return null;
  try {
    return countries.of(code);
  } catch {
    return code;
  }
}

// The list is long, so it is read once, when a place is first shown; codes of places are codes until then.
export function useRegions() {
  const [, setCount] = useState(0);
  useEffect(() => {
    reading ??= ask("/app/data/regions.json")
      .then((found) => { regions = found; }, () => { reading = null; });
    reading.then(() => setCount(Object.keys(regions).length));
  }, []);
  return regions;
}

// The chosen one is there before the list has been read.
export const countryChoices = (chosen) => [...new Set([...Object.keys(regions).map((code) => code.slice(0, 2)), chosen])]
  .filter(Boolean)
  .map((code) => [code, countryName(code)])
  .sort(([, one], [, other]) => one.localeCompare(other, LOCALE));

// The city with its region, then the country: two lines of a cell.
export function placeNames({ hq_city: city, hq_region: region, hq_country: country }) {
  const inCountry = [city, region && regions[region]].filter(Boolean);
  const named = inCountry.filter((name, at) => inCountry.indexOf(name) === at).join(", ");
  return [named, countryName(country)].filter(Boolean);
}

const FIELDS = {
  annual_revenue: "Yearly revenue",
  annual_revenue_currency: "Currency",
  annual_revenue_usd: "Revenue in US dollars",
  amount: "Amount",
  amount_usd: "Amount in US dollars",
  crm_rep_id: "Owner",
  close_date: "Close date",
  currency: "Currency",
  domain: "Domain",
  email: "E-mail address",
  additional_emails: "Further addresses",
  employee_count: "People",
  hq_country: "Country",
  hq_region: "Region",
  hq_city: "City",
  is_closed: "Closed or not",
  is_won: "Won or not",
  linkedin_url: "LinkedIn page",
  probability: "Probability",
  company_name: "Name",
  company_id: "Company",
};

// A column of the API in words; one that is not listed, by its own name.
export function fieldName(column) {
  const words = column.replaceAll("_", " ");
  if (Object.hasOwn(FIELDS, column)) return FIELDS[column];
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}`;
}

export function personName({ first_name: first, last_name: last, email }) {
  return [first, last].filter(Boolean).join(" ") || email || null;
}
