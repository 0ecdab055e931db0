// A list of records as a table: two lines to a cell, fewer columns where there is less room, more rows on request.

import { html, useEffect, useRef } from "../vendor/preact.js";
import { count } from "../words/format.js";
import { Empty, Problem } from "./states.js";

const SKELETON_ROWS = 8;

// A cell of a first line and a muted second one.
export const TwoLines = ({ first, second }) => html`<span class="first">${first ?? html`<span class="none">–</span>`}</span>
  ${second && html`<span class="second" title=${typeof second === "string" ? second : undefined}>${second}</span>`}`;

// `columns` are { name, head, room, number, cell }: `room` is the width of the page from which a column is shown.
export function RecordTable({ label, columns, list, empty, id }) {
  const { rows, busy, problem } = list;
  if (problem && !rows?.length) return html`<${Problem} problem=${problem} retry=${list.reload} />`;
  if (rows?.length === 0 && !busy) return html`<${Empty} title=${empty.title}>${empty.text}<//>`;
  return html`<div class="table" aria-busy=${busy}>
    <table id=${id}>
      <caption class="sr-only">${label}</caption>
      <thead><tr>${columns.map((column) => html`
        <th key=${column.name} scope="col" class=${classes(column)}>${column.head}</th>`)}</tr></thead>
      <tbody>${rows === null || (busy && rows.length === 0) ? html`<${Skeleton} columns=${columns} />` : rows.map((row) => html`
        <tr key=${row.id}>${columns.map((column, at) => html`<${at === 0 ? "th" : "td"} key=${column.name}
          scope=${at === 0 ? "row" : undefined} class=${classes(column)}>${column.cell(row)}<//>`)}</tr>`)}
      </tbody>
    </table>
    ${problem && html`<${Problem} problem=${problem} retry=${list.reload} />`}
    <${More} list=${list} id=${id} />
  </div>`;
}

// Some of a list's columns, for where there is less room; they are always shown.
export const only = (columns, ...names) => columns
  .filter(({ name }) => names.includes(name)).map((column) => ({ ...column, room: null }));

const classes = ({ name, room, number }) => [`column-${name}`, room && `room-${room}`, number && "number"].filter(Boolean).join(" ");

const Skeleton = ({ columns }) => Array.from({ length: SKELETON_ROWS }, (_, row) => html`<tr key=${row} aria-hidden="true">
  ${columns.map((column) => html`<td key=${column.name} class=${classes(column)}>
    <${TwoLines} first=${html`<span class="line"></span>`} second=${html`<span class="line short"></span>`} /></td>`)}</tr>`);

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
  <button type="button" class=${list.changed ? "link" : "link unseen"} onClick=${list.reload} disabled=${!list.changed}>
    Show what has changed</button>
</div>`;

function countedRows({ rows, total, cursor }, one, many) {
  const all = total ?? rows.length;
  const noun = all === 1 ? one : many;
  return cursor ? `${count(rows.length)} of ${count(Math.max(all, rows.length))} ${noun}` : `${count(rows.length)} ${rows.length === 1 ? one : many}`;
}
