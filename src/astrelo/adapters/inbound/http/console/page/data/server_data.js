// What the server wrote into the document: names, sentences, and what this session may do.

const { labels, industries, sentences, readOnly } = document.body.dataset;

export const CRM_LABELS = JSON.parse(labels);
export const INDUSTRIES = JSON.parse(industries);
export const SENTENCES = JSON.parse(sentences);
export const READ_ONLY = readOnly === "true";

// A sentence of the page by its name, its words in braces filled in.
export function text(name, values = {}) {
  return fill(SENTENCES.texts[name], values);
}

export function fill(sentence, values) {
  return Object.entries(values)
    .reduce((filled, [name, value]) => filled.replaceAll(`{${name}}`, value), sentence);
}
