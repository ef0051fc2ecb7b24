import type { Language } from "./i18n";

export interface Numbers { count(value: number): string; short(value: number): string; money(value: number, currency: string): string; percent(share: number): string; millis(value: number): string }

/** Numbers as the language writes them; `short` for axes and tiles, such as 1.2M or 120万. */
export function numbersOf(language: Language): Numbers {
  const locale = language === "zh" ? "zh-CN" : "en-GB";
  const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
  const compact = new Intl.NumberFormat(language === "zh" ? locale : "en", { notation: "compact", maximumSignificantDigits: 3 });
  const share = new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 1 });
  const small = new Intl.NumberFormat(locale, { maximumSignificantDigits: 3 });
  return {
    count: (value) => whole.format(value),
    short: (value) => compact.format(value),
    money: (value, currency) => moneyFormat(locale, currency, value),
    percent: (value) => share.format(value),
    millis: (value) => (value >= 10_000 ? `${small.format(value / 1000)} s` : `${small.format(value)} ms`),
  };
}

/** A call may cost a thousandth of a cent: small amounts keep their digits. */
function moneyFormat(locale: string, currency: string, value: number): string {
  const size = Math.abs(value);
  const digits = { minimumFractionDigits: 2, maximumFractionDigits: size >= 10 ? 2 : size >= 0.1 ? 4 : 6 };
  try {
    return new Intl.NumberFormat(locale, { style: "currency", currency, currencyDisplay: "narrowSymbol", ...digits }).format(value);
  } catch {
    return `${new Intl.NumberFormat(locale, digits).format(value)} ${currency}`; // a unit of the operator's own, such as POINTS
  }
}
