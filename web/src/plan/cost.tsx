import { useSetting, type Word } from "../i18n";
import { Num } from "./number";
import type { CostMode, OwnedYear, Plan } from "./types";
import { currency } from "./units";

const rows: [keyof OwnedYear, Word][] = [
  ["purchase", "planPurchase"],
  ["power", "planElectricity"],
  ["rack", "planRackRent"],
  ["staff", "planPeople"],
  ["support", "planSupport"],
  ["sold", "planSold"],
  ["cash", "planCash"],
];

/** Cash by year, and the three ways over the whole horizon. */
export function CostTable({ plan }: { plan: Plan }) {
  const { t, language } = useSetting();
  const { cost } = plan;
  const money = (value: number | undefined) => (value === undefined ? t("planUnknown") : currency(value, cost.currency, language));
  const modes: [string, Word, CostMode][] = [
    ["on_premise", "planOwn", cost.on_premise],
    ["cloud", "planCloud", cost.cloud],
    ["hybrid", "planHybrid", cost.hybrid],
  ];
  const range = (mode: CostMode) =>
    mode.total.low !== undefined && mode.total.high !== undefined && mode.total.high > mode.total.low ? `${money(mode.total.low)} – ${money(mode.total.high)}` : "";
  return (
    <>
      <h2>{t("planThreeWays", { months: cost.months })}</h2>
      <div className="sheet wide-table">
        <table className="plain">
          <thead>
            <tr>
              <th />
              <th>{t("planTotal")}</th>
              <th>{t("planRange")}</th>
              <th>{t("planNpv")}</th>
              <th>{t("planPerMillion")}</th>
            </tr>
          </thead>
          <tbody>
            {modes.map(([id, word, mode]) => (
              <tr key={id}>
                <th>{t(word)}</th>
                <td>
                  <Num id={`${id}.total`}>{money(mode.total.base)}</Num>
                </td>
                <td className="soft digits">{range(mode)}</td>
                <td>
                  <Num id={`${id}.npv`}>{money(mode.npv.base)}</Num>
                </td>
                <td>
                  <Num id={`${id}.per_million_tokens`}>{money(mode.per_million_tokens)}</Num>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <h2>{t("planOwnByYear")}</h2>
      <div className="sheet wide-table">
        <table className="plain">
          <thead>
            <tr>
              <th />
              {cost.years.map((year) => (
                <th key={year.year}>{t("planYear", { year: year.year })}</th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map(([key, word]) => (
              <tr key={key} className={key === "cash" ? "sum" : ""}>
                <th>{t(word)}</th>
                {cost.years.map((year) => (
                  <td key={year.year}>
                    <Num id={`on_premise.year${year.year}.${key}`}>{money(year.on_premise[key])}</Num>
                  </td>
                ))}
              </tr>
            ))}
            <tr>
              <th>{t("planCloud")}</th>
              {cost.years.map((year) => (
                <td key={year.year}>
                  <Num id={`cloud.year${year.year}`}>{money(year.cloud)}</Num>
                </td>
              ))}
            </tr>
            <tr>
              <th>{t("planHybrid")}</th>
              {cost.years.map((year) => (
                <td key={year.year}>
                  <Num id={`hybrid.year${year.year}`}>{money(year.hybrid)}</Num>
                </td>
              ))}
            </tr>
          </tbody>
        </table>
      </div>
    </>
  );
}
