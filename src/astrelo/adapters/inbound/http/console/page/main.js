// The page: which view its address names, and the frame around it.

import { html, render, useEffect, useRef } from "./vendor/preact.js";
import { landingNews } from "./data/landing.js";
import { start } from "./data/refreshing.js";
import { useRoute } from "./data/router.js";
import { CRM_LABELS, SENTENCES } from "./data/server_data.js";
import { announce, useShared } from "./data/store.js";
import { Notices } from "./parts/notices.js";
import { Shell, Title } from "./parts/shell.js";
import { Empty, Lines } from "./parts/states.js";
import { Companies } from "./views/companies.js";
import { Company } from "./views/company.js";
import { Contact } from "./views/contact.js";
import { Contacts } from "./views/contacts.js";
import { Deal } from "./views/deal.js";
import { Deals } from "./views/deals.js";
import { Overview } from "./views/overview.js";
import { LinkQuestion, SignIn, signInByLink, signOut } from "./views/sign_in.js";
import { SyncReport } from "./views/sync_report.js";

function View({ route: { name, parts: [first, second], query }, crms, version }) {
  const shared = { query, crms: crms.filter(({ status }) => status !== "not_connected"), version };
  switch (`${name}${first ? "/" : ""}`) {
    case "overview": return html`<${Overview} crms=${crms} version=${version} />`;
    case "companies": return html`<${Companies} ...${shared} />`;
    case "companies/": return html`<${Company} key=${first} id=${first} version=${version} />`;
    case "contacts": return html`<${Contacts} ...${shared} />`;
    case "contacts/": return html`<${Contact} key=${first} id=${first} version=${version} />`;
    case "deals": return html`<${Deals} ...${shared} />`;
    case "deals/": return html`<${Deal} key=${first} id=${first} version=${version} />`;
    case "syncs/": return html`<${SyncReport} provider=${first} id=${second} version=${version} />`;
    default: return html`<${Title}>Not found<//><${Empty} title="Nothing is at this address">
      <a href="#/">Go to the overview</a><//>`;
  }
}

// The focus goes to the title of a view that was opened, so that it is read out; the first is read by itself.
function useFocusOnTitle(place) {
  const before = useRef(place);
  useEffect(() => {
    if (before.current === place) return;
    before.current = place;
    scrollTo(0, 0);
    document.getElementById("view-title")?.focus();
  }, [place]);
}

function Page() {
  const { signedIn, user, crms, version, problem, notices, question } = useShared();
  const route = useRoute();
  useFocusOnTitle(signedIn === false ? "sign-in" : [route.name, ...route.parts].join("/"));
  const leave = () => signOut().catch((failed) => announce(failed.message));
  return html`<${Shell} view=${route.name} user=${user} onSignOut=${signedIn ? leave : null}>
    ${signedIn === false && html`<${SignIn} />`}
    ${signedIn && crms && html`<${View} route=${route} crms=${crms} version=${version} />`}
    ${signedIn === null && html`<${Title}>Astrelo<//><${Lines} lines=${6} />`}
  <//><${Notices} notices=${notices} problem=${problem} />
  <div class="loaded">${question && html`<${LinkQuestion} ...${question} />`}</div>`;
}

function announceLanding() {
  const query = new URLSearchParams(location.search);
  const news = landingNews(query, CRM_LABELS, SENTENCES);
  if (news) announce(news.text, news.good ? "good" : "bad");
  if (query.size) history.replaceState(null, "", location.pathname + location.hash);
}

announceLanding();
signInByLink().catch((problem) => announce(problem.message)).then(start);
render(html`<${Page} />`, document.getElementById("page"));
