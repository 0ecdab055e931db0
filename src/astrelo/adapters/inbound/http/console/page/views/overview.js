// How each CRM stands.

import { html } from "../vendor/preact.js";
import { useResource } from "../data/resource.js";
import { text } from "../data/server_data.js";
import { Title } from "../parts/shell.js";
import { Empty } from "../parts/states.js";
import { plural } from "../words/format.js";
import { CrmCard } from "./crm_card.js";

export function Overview({ crms, version }) {
  const { value } = useResource("/api/companies/summary", version);
  return html`<${Title}>Overview<//>
    <p class="subtitle">${value?.counted_at ? summary(value, crms) : text("overview")}</p>
    ${crms.length === 0 && html`<${Empty} title="No CRM is set up">${text("no_crms")}<//>`}
    <div class="cards">${crms.map((crm) => html`<${CrmCard} key=${crm.provider} crm=${crm} />`)}</div>`;
}

function summary({ companies, with_two_sources: shared }, crms) {
  // Before a second CRM's first sync has ended, that none is shared says nothing.
  const several = crms.filter(({ counted_at: counted }) => counted).length > 1;
  const known = several ? `, ${plural(shared, "is", "are")} known to more than one CRM` : "";
  return `${plural(companies, "company", "companies")}${known}.`;
}
