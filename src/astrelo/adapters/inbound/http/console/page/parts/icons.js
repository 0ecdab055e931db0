// Icons of our own, 16 by 16. They decorate words and are hidden from screen readers.

import { html } from "../vendor/preact.js";

const PATHS = {
  overview: "M2.5 2.5h4.5v4.5H2.5zM9 2.5h4.5v4.5H9zM2.5 9h4.5v4.5H2.5zM9 9h4.5v4.5H9z",
  companies: "M3 13.5V3.2c0-.4.3-.7.7-.7h5.1c.4 0 .7.3.7.7v10.3M9.5 6.5h2.8c.4 0 .7.3.7.7v6.3"
    + "M1.5 13.5h13M5.3 5.2h2M5.3 8h2M5.3 10.8h2",
  contacts: "M8 8.2a2.6 2.6 0 1 0 0-5.2 2.6 2.6 0 0 0 0 5.2zM3 13.5c.5-2.3 2.5-3.3 5-3.3s4.5 1 5 3.3",
  deals: "M8.6 2.5h4.2c.4 0 .7.3.7.7v4.2L7.7 13.2a.9.9 0 0 1-1.3 0L2.8 9.6a.9.9 0 0 1 0-1.3zM10.9 5.1v.01",
  out: "M6.5 3.5H3.5v9h9v-3M9.5 2.8h3.7v3.7M13 3 7.5 8.5",
  back: "M9.5 3.5 5 8l4.5 4.5",
  search: "M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9zM10.3 10.3l3.2 3.2",
  close: "M4 4l8 8M12 4l-8 8",
  check: "M3.5 8.5l3 3 6-7",
  alert: "M8 5v3.5M8 11v.01M8 14a6 6 0 1 0 0-12 6 6 0 0 0 0 12z",
  filter: "M2.5 4.5h11M4.5 8h7M6.5 11.5h3",
  api: "M5.5 4.5 2 8l3.5 3.5M10.5 4.5 14 8l-3.5 3.5",
  leave: "M6.5 2.5h-3v11h3M10 5l3 3-3 3M13 8H6",
};

export const Icon = ({ name }) => html`
  <svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false"><path d=${PATHS[name]} /></svg>`;
