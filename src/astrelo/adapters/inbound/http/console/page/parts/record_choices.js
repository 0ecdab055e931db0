// Choices that the filters of several lists offer.

import { crmName } from "../words/names.js";

export const sourceChoice = (crms) => ({
  label: "CRM",
  options: [["Any CRM", {}], ...crms.map(({ provider }) => [crmName(provider), { source: provider }])],
});

export const sortChoice = (...sorts) => ({
  label: "Sort",
  options: [["First seen", {}], ...sorts.map(([label, sort]) => [label, { sort }])],
});

export const ARCHIVED_CHOICE = {
  label: "Gone at the CRM",
  options: [["Left out", {}], ["Included", { include_archived: "true" }]],
};
