// A modal dialog: the browser keeps the focus inside it and gives it back when it closes.

import { html, useEffect, useRef } from "../vendor/preact.js";

export function Dialog({ title, onClose, children }) {
  const dialog = useRef(null);
  useEffect(() => {
    const element = dialog.current;
    if (!element.open) element.showModal();
    return () => element.close(); // what is removed while it is open gives no focus back
  }, []);
  return html`<dialog ref=${dialog} aria-labelledby="dialog-title" onClose=${onClose}>
    <h2 id="dialog-title">${title}</h2>
    ${children}
  </dialog>`;
}
