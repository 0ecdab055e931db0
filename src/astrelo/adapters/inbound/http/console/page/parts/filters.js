// The filters of a list, kept in the address. Those that no control shows are chips: all can be seen and removed.

import { html, useEffect, useRef, useState } from "../vendor/preact.js";
import { fieldName } from "../words/names.js";
import { Icon } from "./icons.js";

const TYPING_MS = 250;

// `set` gets the changed parameters; those that are undefined are removed.
function Search({ name, label, value, set }) {
  const [draft, setDraft] = useState(value);
  const timer = useRef(null);
  const sent = useRef(value);
  useEffect(() => {
    if (value !== sent.current) setDraft((sent.current = value));
  }, [value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const type = ({ target }) => {
    setDraft(target.value);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => set({ [name]: (sent.current = target.value.trim()) }), TYPING_MS);
  };
  return html`<label class="search"><span class="sr-only">${label}</span><${Icon} name="search" />
    <input type="search" name=${name} value=${draft} placeholder=${label} autocomplete="off" maxlength="200"
      spellcheck=${false} onInput=${type} /></label>`;
}

// `options` are [label, parameters] pairs; the first is what counts without any of them.
const namesOf = ({ options }) => [...new Set(options.flatMap(([, parameters]) => Object.keys(parameters)))];

// The index of the option that is chosen, -1 where the address asks for none that there is.
const chosen = (choice, query) => choice.options
  .findLastIndex(([, parameters]) => namesOf(choice).every((name) => query[name] === parameters[name]));

function Choice({ label, options, query, set }) {
  const names = namesOf({ options });
  const matching = chosen({ options }, query);
  const choose = ({ target }) => {
    const none = Object.fromEntries(names.map((name) => [name, undefined]));
    set({ ...none, ...options[target.value][1] });
  };
  return html`<label class="choice"><span>${label}</span>
    <select onChange=${choose} value=${String(Math.max(matching, 0))}>
      ${options.map(([option], at) => html`<option key=${at} value=${String(at)}>${option}</option>`)}
    </select></label>`;
}

const nameAndValue = (name) => ({ name, label: (value) => `${fieldName(name)}: ${value}` });

function chipsOf(query, search, choices, chips) {
  const controlled = choices.filter((choice) => chosen(choice, query) !== -1).flatMap(namesOf);
  return Object.keys(query).filter((name) => name !== search?.name && !controlled.includes(name))
    .map((name) => chips.find((chip) => chip.name === name) ?? nameAndValue(name));
}

export function Filters({ search, choices, more = [], chips = [], query, set }) {
  const used = more.flatMap(namesOf).filter((name) => query[name] !== undefined).length;
  const [open, setOpen] = useState(used > 0);
  const draw = (choice) => html`<${Choice} key=${choice.label} ...${choice} query=${query} set=${set} />`;
  const shown = chipsOf(query, search, [...choices, ...more], chips);
  return html`<form class="filters" role="search" onSubmit=${(event) => event.preventDefault()}>
    <div class="filter-row">
      ${search && html`<${Search} ...${search} value=${query[search.name] ?? ""} set=${set} />`}
      ${choices.map(draw)}
      ${more.length > 0 && html`<button type="button" aria-expanded=${open} onClick=${() => setOpen(!open)}>
        <${Icon} name="filter" />Filters
        ${used > 0 && html`<span class="number-mark">${used}</span>`}</button>`}
    </div>
    ${open && html`<div class="filter-row">${more.map(draw)}</div>`}
    ${shown.length > 0 && html`<ul class="chips" aria-label="Only">${shown.map(({ name, label }) => html`
      <li key=${name}><span>${label(query[name])}</span><button type="button" class="plain"
        aria-label=${`Remove: ${label(query[name])}`} onClick=${() => set({ [name]: undefined })}>
        <${Icon} name="close" /></button></li>`)}</ul>`}
  </form>`;
}
