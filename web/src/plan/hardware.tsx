import { CheckCircleFilled, WarningOutlined } from "@ant-design/icons";
import { Table, Tag, Tooltip } from "antd";
import { type Language, type Translate, useSetting, type Word } from "../i18n";
import { Num } from "./number";
import type { BillRow, HardwareOption, Plan, Words } from "./types";
import { currency, human, unitWord } from "./units";

export function Doubts({ doubts }: { doubts: Words[] }) {
  const { t, language } = useSetting();
  if (doubts.length === 0) return null;
  return (
    <Tooltip title={doubts.map((one) => one[language]).join("; ")}>
      <span className="tag doubt" tabIndex={0}>
        <WarningOutlined /> {t("planDoubtful")}
      </span>
    </Tooltip>
  );
}

export function EditionTag({ edition }: { edition?: string }) {
  const { t } = useSetting();
  return edition === "domestic" ? <Tag color="green">{t("planDomestic")}</Tag> : edition === "international" ? <Tag>{t("planInternational")}</Tag> : null;
}

/** Why it comes after the chosen one: the order is by price where all have one (`priced`), else by power, and then by the number of cards. */
function whyAfter(option: HardwareOption, chosen: HardwareOption, priced: boolean, code: string, t: Translate, language: Language): string {
  const dearer = priced ? option.purchase! - chosen.purchase! : 0;
  if (dearer > 0) return t("planDearer", { amount: currency(dearer, code, language) });
  if (!priced && option.power_w === 0) return t("planPowerUnknown");
  const thirstier = priced || chosen.power_w === 0 ? 0 : option.power_w - chosen.power_w;
  if (thirstier > 0) return t("planThirstier", { power: human(thirstier, "W", language) });
  return option.cards > chosen.cards ? t("planMoreCards", { count: option.cards - chosen.cards }) : "";
}

const groupWords: Record<string, Word> = {
  server: "planServers",
  card: "planCards",
  network: "planNetwork",
  storage: "planStorage",
  software: "planSoftware",
  service: "planService",
};

function Bill({ plan }: { plan: Plan }) {
  const { t, language } = useSetting();
  const money = ({ price_low: low, price_high: high }: BillRow, quantity: number) =>
    low === undefined || high === undefined
      ? undefined
      : [low, high]
          .slice(0, high > low ? 2 : 1)
          .map((price) => currency(price * quantity, plan.cost.currency, language))
          .join(" – ");
  return (
    <>
      <h2>{t("planBill")}</h2>
      <div className="sheet wide-table" style={{ padding: "6px 8px" }}>
        <Table<BillRow>
          rowKey={(row) => `${row.group} ${row.item.en} ${row.specification.en}`}
          size="small"
          pagination={false}
          dataSource={plan.bill}
          scroll={{ x: "max-content" }}
          locale={{ emptyText: "–" }}
          columns={[
            { title: t("planGroup"), render: (_, row) => (row.group in groupWords ? t(groupWords[row.group]) : row.group) },
            {
              title: t("planItem"),
              render: (_, row) => (
                <div className="cell">
                  <b>{row.item[language]}</b>
                  <div className="soft">{row.specification[language]}</div>
                  {row.note && <div className="soft">{row.note[language]}</div>}
                  {row.source[language] && (
                    <div className="soft small">
                      {t("planFrom")}: {row.source[language]}
                    </div>
                  )}
                </div>
              ),
            },
            {
              title: t("planQuantity"),
              align: "right",
              render: (_, row) => (
                <span className="digits">
                  {human(row.quantity, "", language)} {unitWord(row.unit, language)}
                </span>
              ),
            },
            {
              title: t("planSum"),
              align: "right",
              render: (_, row) => {
                const each = money(row, 1);
                return each === undefined ? (
                  <span className="tag unknown">{t("planUnknown")}</span>
                ) : (
                  <>
                    <span className="digits">{money(row, row.quantity)}</span>
                    {row.quantity !== 1 && <div className="soft small digits">{t("planPriceEach", { price: each })}</div>}
                  </>
                );
              },
            },
          ]}
        />
      </div>
    </>
  );
}

export function HardwarePart({ plan }: { plan: Plan }) {
  const { t, language } = useSetting();
  const chosen = plan.hardware.find((option) => option.chosen);
  const number = (option: HardwareOption, name: string) => (option.why_not ? <span className="soft">–</span> : <Num id={`hardware.${option.accelerator}.${name}`} />);
  const priced = plan.hardware.every((option) => option.why_not || option.purchase !== undefined);
  const reason = (option: HardwareOption) =>
    option.chosen ? t("planChosen") : option.why_not ? option.why_not[language] : chosen && whyAfter(option, chosen, priced, plan.cost.currency, t, language);
  const tier = plan.advice.tier;
  return (
    <>
      <div className="sheet wide-table" style={{ padding: "6px 8px" }}>
        <Table<HardwareOption>
          rowKey="accelerator"
          size="middle"
          pagination={false}
          dataSource={plan.hardware}
          scroll={{ x: "max-content" }}
          rowClassName={(option) => (option.chosen ? "chosen" : "")}
          columns={[
            {
              title: t("planCard"),
              render: (_, option) => (
                <div className="cell">
                  {option.chosen && <CheckCircleFilled className="check" aria-label={t("planChosen")} />} <b>{option.accelerator}</b>{" "}
                  <span className="soft">{option.vendor}</span> <EditionTag edition={option.edition} />
                  <Doubts doubts={option.doubts} />
                  <div className="soft">{reason(option)}</div>
                </div>
              ),
            },
            {
              title: t("planSize"),
              align: "right",
              render: (_, option) =>
                option.why_not ? (
                  <span className="soft">–</span>
                ) : (
                  <span className="digits">
                    <Num id={`hardware.${option.accelerator}.replicas`}>{option.replicas}</Num> × {(option.split?.tensor ?? 1) * (option.split?.pipeline ?? 1)} ={" "}
                    <Num id={`hardware.${option.accelerator}.cards`}>{option.cards}</Num>
                  </span>
                ),
            },
            {
              title: t("planLatencyP95"),
              align: "right",
              render: (_, option) => (
                <>
                  {number(option, "ttft")}
                  <div>{!option.why_not && number(option, "tpot")}</div>
                </>
              ),
            },
            {
              title: t("planPowerAndPrice"),
              align: "right",
              render: (_, option) =>
                option.why_not ? (
                  <span className="soft">–</span>
                ) : (
                  <>
                    {option.power_w > 0 ? <Num id={`hardware.${option.accelerator}.power`} /> : t("planUnknown")}
                    <div>{option.purchase === undefined ? t("planUnknown") : number(option, "purchase")}</div>
                  </>
                ),
            },
          ]}
        />
      </div>
      <section className="sheet gap">
        <h3>
          {t("planAppliance")}: {tier.tier_name[language] || t("planUnknown")}
        </h3>
        <ul>
          {tier.reasons.map((one) => (
            <li key={one.en}>{one[language]}</li>
          ))}
        </ul>
        {tier.alternatives.length > 0 && (
          <>
            <h4>{t("planAlternatives")}</h4>
            <ul>
              {tier.alternatives.map((one) => (
                <li key={one.appliance}>
                  <b>{one.appliance}</b> {one.reason[language]}
                </li>
              ))}
            </ul>
          </>
        )}
      </section>
      <Bill plan={plan} />
    </>
  );
}
