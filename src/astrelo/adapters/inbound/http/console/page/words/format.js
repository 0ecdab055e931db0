// Numbers, money and times as people read them, by the browser's own tables.

// The page speaks English, the reader's own where there is one: a date must not be half in another language.
export const LOCALE = navigator.languages.find((language) => /^en\b/.test(language)) ?? "en";

const number = new Intl.NumberFormat(LOCALE);
const percentage = new Intl.NumberFormat(LOCALE, { style: "percent" });
const clock = new Intl.DateTimeFormat(LOCALE, { hour: "2-digit", minute: "2-digit" });
const shortDay = new Intl.DateTimeFormat(LOCALE, { day: "numeric", month: "short" });
const longDay = new Intl.DateTimeFormat(LOCALE, { day: "numeric", month: "short", year: "numeric" });
const utcDay = new Intl.DateTimeFormat(LOCALE, {
  day: "numeric", month: "short", year: "numeric", timeZone: "UTC",
});
const whole = new Intl.DateTimeFormat(LOCALE, { dateStyle: "full", timeStyle: "long" });

export const count = (value) => number.format(value);
export const percent = (value) => percentage.format(value);
export const sum = (counts) => Object.values(counts).reduce((total, each) => total + each, 0);
export const plural = (value, one, many) => `${count(value)} ${value === 1 ? one : many}`;

export function money(amount, currency) {
  if (amount === null || amount === undefined) return null;
  const value = Number(amount);
  if (!currency) return number.format(value);
  try {
    const digits = Number.isInteger(value) ? 0 : 2;
    const options = { style: "currency", currency, minimumFractionDigits: digits, maximumFractionDigits: 2 };
    return new Intl.NumberFormat(LOCALE, options).format(value);
  } catch {
    return `${number.format(value)} ${currency}`; // no currency that Intl takes
  }
}

// Large amounts in a list: $21.1M.
export function shortMoney(amount, currency) {
  if (amount === null || amount === undefined) return null;
  if (!currency) return new Intl.NumberFormat(LOCALE, { notation: "compact" }).format(Number(amount));
  try {
    return new Intl.NumberFormat(LOCALE, {
      style: "currency", currency, notation: "compact", maximumFractionDigits: 1,
    }).format(Number(amount));
  } catch {
    return money(amount, currency);
  }
}

// A day without a time, such as a close date: of the calendar, not of a time zone.
export const day = (time) => (time ? utcDay.format(new Date(time)) : null);

export const fullTime = (time) => whole.format(new Date(time));

// "09:42" today, "yesterday, 09:42", "30 Nov, 09:42", "30 Nov 2024".
export function moment(time, now = new Date()) {
  const at = new Date(time);
  const hour = clock.format(at);
  const days = Math.round((midnight(now) - midnight(at)) / 86_400_000);
  if (days === 0) return hour;
  if (days === 1) return `yesterday, ${hour}`;
  return at.getFullYear() === now.getFullYear() ? `${shortDay.format(at)}, ${hour}` : longDay.format(at);
}

// An address of the web as people write it.
export const withoutScheme = (url) => url.replace(/^https?:\/\/(www\.)?/, "");

// A link to write to an address, which is all of it: a ? or & in it begins no header (RFC 6068 §2).
export function mailTo(address) {
  const at = address.lastIndexOf("@");
  const [local, host] = [address.slice(0, at), address.slice(at + 1)].map(encodeURIComponent);
  return `mailto:${local}@${host}`;
}

function midnight(time) {
  return new Date(time.getFullYear(), time.getMonth(), time.getDate());
}
