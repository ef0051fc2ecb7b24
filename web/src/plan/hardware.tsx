import { CheckCircleFilled, WarningOutlined } from "@ant-design/icons";
import { Table, Tag, Tooltip } from "antd";
import { useSetting, type Word } from "../i18n";
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

/** Why this one and not another: the order is by price where all have one, else by power. */
function whyNot(option: HardwareOption, chosen: HardwareOption | undefined, code: string, language: "zh" | "en"): string {
  if (option.why_not) return option.why_not[language];
  if (!chosen || option.chosen) return "";
  const zh = language === "zh";
  if (option.purchase !== undefined && chosen.purchase !== undefined && option.purchase > chosen.purchase)
    return zh
      ? `卡价高 ${currency(option.purchase - chosen.purchase, code, language)}`
      : `cards cost ${currency(option.purchase - chosen.purchase, code, language)} more`;
  if (option.power_w > chosen.power_w && chosen.power_w > 0)
    return zh ? `功耗高 ${human(option.power_w - chosen.power_w, "W", language)}` : `draws ${human(option.power_w - chosen.power_w, "W", language)} more`;
  if (option.cards > chosen.cards) return zh ? `多用 ${option.cards - chosen.cards} 张卡` : `takes ${option.cards - chosen.cards} cards more`;
  return option.power_w === 0 ? (zh ? "功耗未知，无法比较" : "its power is not known, so that it cannot be compared") : "";
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
  const money = (row: BillRow, quantity: number) =>
    row.price_low === undefined || row.price_high === undefined ? (
      <span className="tag unknown">{t("planUnknown")}</span>
    ) : (
      <span className="digits">
        {currency(row.price_low * quantity, plan.cost.currency, language)}
        {row.price_high > row.price_low && ` – ${currency(row.price_high * quantity, plan.cost.currency, language)}`}
      </span>
    );
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
                  {row.source && (
                    <div className="soft small">
                      {t("planFrom")}: {row.source}
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
              render: (_, row) => (
                <>
                  {money(row, row.quantity)}
                  {row.price_low !== undefined && row.price_low > 0 && row.quantity !== 1 && (
                    <div className="soft small digits">{t("planPriceEach", { price: currency(row.price_low, plan.cost.currency, language) })}</div>
                  )}
                </>
              ),
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
                  <div className="soft">{option.chosen ? t("planChosen") : whyNot(option, chosen, plan.cost.currency, language)}</div>
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
