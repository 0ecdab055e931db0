// A list of records as a table: two lines to a cell, fewer columns in less room, more rows on request.

import { html, useEffect, useRef } from "../vendor/preact.js";
import { text } from "../data/server_data.js";
import { count, plural } from "../words/format.js";
import { Empty, Problem } from "./states.js";

const SKELETON_ROWS = 8;

// A cell of a first line and a muted second one.
export const TwoLines = ({ first, second }) => html`
  <span class="first">${first ?? html`<span class="none">–</span>`}</span>
  ${second && html`<span class="second" title=${typeof second === "string" ? second : null}>${second}</span>`}`;

// `columns` are { name, head, room, number, cell }: `room` is the width of the page from which on it is shown.
// What a list says where it has no rows: whether a filter leaves none, or there are none.
export function emptyWords(query, one, many) {
  const filtered = Object.keys(query).some((name) => name !== "sort");
  return filtered ? { title: `No ${one} fits`, text: text("none_fits") } : { title: `No ${many} yet`, text: text("none_yet") };
}

export function RecordTable({ label, columns, list, empty, id }) {
  const { rows, busy, problem } = list;
  if (problem && !rows?.length) return html`<${Problem} problem=${problem} retry=${list.reload} />`;
  if (rows?.length === 0 && !busy) return html`<${Empty} title=${empty.title}>${empty.text}<//>`;
  return html`<div class="table" aria-busy=${busy}>
    <table id=${id}>
      <caption class="sr-only">${label}</caption>
      <thead><tr>${columns.map((column) => html`
        <th key=${column.name} scope="col" class=${classes(column)}>${column.head}</th>`)}</tr></thead>
      <tbody>${rows?.length ? rows.map((row) => html`<${Row} key=${row.id} row=${row} columns=${columns} />`)
        : html`<${Skeleton} columns=${columns} />`}</tbody>
    </table>
    ${problem && html`<${Problem} problem=${problem} retry=${list.reload} />`}
    <${More} list=${list} id=${id} />
  </div>`;
}

const Row = ({ row, columns }) => html`<tr>${columns.map((column, at) => html`
  <${at === 0 ? "th" : "td"} key=${column.name} scope=${at === 0 ? "row" : undefined} class=${classes(column)}>
    ${column.cell(row)}<//>`)}</tr>`;

// Some of a list's columns, for where there is less room; they are always shown.
export const only = (columns, ...names) => columns
  .filter(({ name }) => names.includes(name)).map((column) => ({ ...column, room: null }));

const classes = ({ name, room, number }) => [`column-${name}`, room && `room-${room}`, number && "number"]
  .filter(Boolean).join(" ");

const Skeleton = ({ columns }) => Array.from({ length: SKELETON_ROWS }, (_, row) => html`
  <tr key=${row} aria-hidden="true">${columns.map((column) => html`<td key=${column.name} class=${classes(column)}>
    <span class="first line"></span><span class="second line short"></span></td>`)}</tr>`);

// When the last rows are there the button goes: the focus moves on to the first row that it brought.
function More({ list, id }) {
  const { rows, cursor, adding } = list;
  const asked = useRef(0);
  useEffect(() => {
    if (!asked.current || adding) return;
    if (document.activeElement === document.body) {
      document.querySelectorAll(`#${id} tbody th a`)[asked.current]?.focus();
    }
    asked.current = 0;
  }, [rows, adding]);
  const ask = () => {
    asked.current = rows.length;
    list.more();
  };
  return rows !== null && cursor && html`<p class="more">
    <button type="button" onClick=${ask} aria-disabled=${adding}>${adding ? "Loading …" : "More"}</button></p>`;
}

// How many there are, and an offer to show what has changed: one line that is always there.
export const ListState = ({ list, one, many }) => html`<div class="list-state">
  <p role="status">${list.rows && !list.problem && countedRows(list, one, many)}</p>
  <button type="button" class=${list.changed ? "link" : "link unseen"} disabled=${!list.changed}
    onClick=${list.reload}>Show what has changed</button>
</div>`;

function countedRows({ rows, total, cursor }, one, many) {
  if (!cursor) return plural(rows.length, one, many);
  return `${count(rows.length)} of ${plural(Math.max(total ?? 0, rows.length), one, many)}`;
}
