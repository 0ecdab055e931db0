// Choices that the filters of several lists offer.

import { crmName } from "../words/names.js";

// A CRM that is asked for and not connected any more is among the options, so that it can be seen and left.
export function sourceChoice(crms, { source }) {
  const options = crms.map(({ provider }) => [crmName(provider), { source: provider }]);
  const known = !source || crms.some(({ provider }) => provider === source);
  const former = known ? [] : [[`${crmName(source)} (not connected)`, { source }]];
  return { label: "CRM", options: [["Any CRM", {}], ...options, ...former] };
}

export const sortChoice = (...sorts) => ({
  label: "Sort",
  options: [["First seen", {}], ...sorts.map(([label, sort]) => [label, { sort }])],
});

export const ARCHIVED_CHOICE = {
  label: "Gone at the CRM",
  options: [["Left out", {}], ["Included", { include_archived: "true" }]],
};
