import type { Language, Translate } from "../i18n";

const decimal: Record<string, string[]> = {
  "B/s": ["B/s", "kB/s", "MB/s", "GB/s", "TB/s"],
  "FLOP/s": ["FLOP/s", "kFLOP/s", "MFLOP/s", "GFLOP/s", "TFLOP/s", "PFLOP/s", "EFLOP/s"],
  W: ["W", "kW", "MW"],
};
const plainUnits: Record<string, string> = {
  tokens: "词元",
  "tokens/s": "词元/s",
  cards: "卡",
  replicas: "副本",
  requests: "请求",
  "requests/s": "请求/s",
  "requests/day": "请求/天",
  users: "用户",
  servers: "台服务器",
  parameters: "参数",
  layers: "层",
  years: "年",
  months: "月",
  month: "月",
  bit: "位",
  layer: "层",
  sequences: "路",
  "B/token": "B/词元",
  "s/token": "s/词元",
  "tokens/day": "词元/天",
  persons: "人",
  "storage node": "个存储节点",
  port: "端口",
  licence: "份许可",
  set: "套",
  node: "节点",
  drive: "块",
  year: "年",
  replica: "副本",
  card: "卡",
  server: "台服务器",
  "s per pair": "s/对",
  "% per unit of cost": "个百分点/单位成本",
};

const perUnits: Record<string, string> = { "/card": "/卡", "/server": "/台", "/1M tokens": "/百万词元", "/year": "/年", "/month": "/月", "/U/month": "/U/月", "/kWh": "/度" };

/** A currency, alone or "per" something: CNY, CNY/card, USD/1M tokens. */
const moneyUnit = /^([A-Z]{3})(\/.*)?$/;

/** The unit in words of the language; what has none stays as it is. */
export function unitWord(unit: string, language: Language): string {
  return language === "zh" ? (plainUnits[unit] ?? unit) : unit;
}

function steps(value: number, step: number, units: string[]): [number, string] {
  let at = 0;
  while (Math.abs(value) >= step && at < units.length - 1) {
    value /= step;
    at++;
  }
  return [value, units[at]];
}

/** Three digits that count, and never 1e+21. */
function digits(value: number, language: Language): string {
  const locale = language === "zh" ? "zh-CN" : "en-GB";
  const size = Math.abs(value);
  if (size >= 100_000) return new Intl.NumberFormat(language === "zh" ? locale : "en", { notation: "compact", maximumSignificantDigits: 4 }).format(value);
  if (Number.isInteger(value) || size >= 1000) return new Intl.NumberFormat(locale, { maximumFractionDigits: 0 }).format(value);
  return new Intl.NumberFormat(locale, { maximumSignificantDigits: 3 }).format(value);
}

/** A figure as people say it: 15.3 GiB, 340 ms, ¥12.6万. */
export function human(value: number, unit: string, language: Language): string {
  if (unit === "B") {
    const [scaled, name] = steps(value, 1024, ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]);
    return `${digits(scaled, language)} ${name}`;
  }
  const scale = decimal[unit];
  if (scale) {
    const [scaled, name] = steps(value, 1000, scale);
    return `${digits(scaled, language)} ${name}`;
  }
  if (unit === "s")
    return Math.abs(value) > 0 && Math.abs(value) < 1e-3
      ? `${digits(value * 1e6, language)} µs`
      : Math.abs(value) < 1 && value !== 0
        ? `${digits(value * 1000, language)} ms`
        : `${digits(value, language)} s`;
  const money = moneyUnit.exec(unit);
  if (money) return `${currency(value, money[1], language)}${language === "zh" ? (perUnits[money[2]] ?? money[2] ?? "") : (money[2] ?? "")}`;
  if (unit === "") return digits(value, language);
  return `${digits(value, language)} ${unitWord(unit, language)}`;
}

/** The end of a month of the horizon; before the first one lies what is bought at the beginning. */
export const monthWord = (month: number, t: Translate) => (month === 0 ? t("planBeginning") : t("planMonth", { month }));

/** Large amounts in short, small ones with the digits that count. */
export function currency(value: number, code: string, language: Language): string {
  const locale = language === "zh" ? "zh-CN" : "en";
  const size = Math.abs(value);
  const shape: Intl.NumberFormatOptions =
    size >= 10_000 ? { notation: "compact", maximumSignificantDigits: 4 } : size >= 100 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 3 };
  try {
    return new Intl.NumberFormat(locale, { style: "currency", currency: code, currencyDisplay: "narrowSymbol", minimumFractionDigits: 0, ...shape }).format(value);
  } catch {
    return `${digits(value, language)} ${code}`; // three letters that are no currency
  }
}
