import { WarningOutlined } from "@ant-design/icons";
import { Input, Segmented, Table, Tooltip } from "antd";
import { useState } from "react";
import { useSetting, type Word } from "../i18n";
import { EditionTag } from "./hardware";
import type { Accelerator, Catalogue, ModelEntry, Provenance, TokenPrice } from "./types";
import { currency, human } from "./units";

type List = "accelerators" | "prices" | "models";
const lists: [List, Word][] = [
  ["accelerators", "planCards"],
  ["prices", "planTokenPrices"],
  ["models", "models"],
];
const confidences: Record<string, Word> = {
  vendor: "planVendor",
  registry: "planRegistry",
  disputed: "planDisputed",
  unverified: "planUnverified",
  guidance: "planGuidance",
};

/** Where a figure is from; what has no source at hand is marked. */
function Source({ one }: { one: Provenance }) {
  const { t } = useSetting();
  const doubtful = one.confidence === "disputed" || one.confidence === "unverified";
  return (
    <div className="cell soft">
      {one.confidence && one.confidence in confidences && (
        <span className={`tag ${doubtful ? "doubt" : ""}`}>
          {doubtful && <WarningOutlined />} {t(confidences[one.confidence])}
        </span>
      )}{" "}
      {one.source} <span className="digits">{one.date}</span>
      {one.note && <div>{one.note}</div>}
    </div>
  );
}

/** A number of an entry: unknown is said, without a source is marked. `keys`: its names in the entry. */
function Known({ one, keys, children }: { one: Provenance; keys: string[]; children?: React.ReactNode }) {
  const { t } = useSetting();
  if (children === undefined) return <span className="tag unknown">{t("planUnknown")}</span>;
  const doubtful = one.confidence === "unverified" || keys.some((key) => one.unverified?.includes(key));
  return doubtful ? (
    <Tooltip title={t("planNoSourceAtHand")}>
      <span className="digits doubtful" tabIndex={0}>
        {children} <WarningOutlined aria-label={t("planNoSourceAtHand")} />
      </span>
    </Tooltip>
  ) : (
    <span className="digits">{children}</span>
  );
}

function Unit({ name, unit }: { name: string; unit: string }) {
  return (
    <>
      {name}
      <small className="soft unit">{unit}</small>
    </>
  );
}

function Cards({ all }: { all: Accelerator[] }) {
  const { t, language } = useSetting();
  const tera = (value: number | undefined) => (value === undefined ? undefined : human(value, "", language));
  return (
    <Table<Accelerator>
      rowKey="name"
      size="small"
      pagination={false}
      dataSource={all}
      scroll={{ x: "max-content" }}
      showSorterTooltip={false}
      columns={[
        {
          title: t("planCard"),
          fixed: "left",
          sorter: (a, b) => a.name.localeCompare(b.name),
          render: (_, one) => (
            <div className="cell narrow">
              <b>{one.name}</b>
              <div className="soft">
                {one.vendor} <EditionTag edition={one.edition} />
              </div>
            </div>
          ),
        },
        {
          title: t("planCardMemory"),
          align: "right",
          sorter: (a, b) => (a.memory_gib ?? 0) - (b.memory_gib ?? 0),
          render: (_, one) => (
            <Known one={one} keys={["memory_gib"]}>
              {one.memory_gib === undefined ? undefined : `${one.memory_gib} GiB`}
            </Known>
          ),
        },
        {
          title: t("planBandwidth"),
          align: "right",
          sorter: (a, b) => (a.memory_gb_per_s ?? 0) - (b.memory_gb_per_s ?? 0),
          render: (_, one) => (
            <Known one={one} keys={["memory_gb_per_s"]}>
              {one.memory_gb_per_s === undefined ? undefined : human(one.memory_gb_per_s * 1e9, "B/s", language)}
            </Known>
          ),
        },
        {
          title: <Unit name="FP16" unit="TFLOPS" />,
          align: "right",
          render: (_, one) => (
            <Known one={one} keys={["fp16", "bf16"]}>
              {tera(one.tflops?.fp16 ?? one.tflops?.bf16)}
            </Known>
          ),
        },
        {
          title: <Unit name="FP8" unit="TFLOPS" />,
          align: "right",
          render: (_, one) => (
            <Known one={one} keys={["fp8"]}>
              {tera(one.tflops?.fp8)}
            </Known>
          ),
        },
        {
          title: <Unit name="INT8" unit="TOPS" />,
          align: "right",
          render: (_, one) => (
            <Known one={one} keys={["int8_tops"]}>
              {tera(one.tflops?.int8_tops)}
            </Known>
          ),
        },
        {
          title: t("planPower"),
          align: "right",
          render: (_, one) => (
            <Known one={one} keys={["power_w"]}>
              {one.power_w === undefined ? undefined : human(one.power_w, "W", language)}
            </Known>
          ),
        },
        {
          title: t("planFrom"),
          render: (_, one) => (
            <>
              <Source one={one} />
              <div className="cell soft">
                {one.software}: {one.engines.join(", ")}
              </div>
            </>
          ),
        },
      ]}
    />
  );
}

function Prices({ all }: { all: TokenPrice[] }) {
  const { t, language } = useSetting();
  const money = (value: number | undefined, code: string) => <span className="digits">{value === undefined ? "–" : currency(value, code, language)}</span>;
  return (
    <Table<TokenPrice>
      rowKey={(one) => JSON.stringify(one)}
      size="small"
      pagination={false}
      dataSource={all}
      scroll={{ x: "max-content" }}
      columns={[
        {
          title: t("planModel"),
          render: (_, one) => (
            <div className="cell narrow">
              <b>{one.model}</b>
              <div className="soft">{one.vendor}</div>
            </div>
          ),
        },
        { title: t("planPriceIn"), align: "right", render: (_, one) => money(one.input_per_million, one.currency) },
        { title: t("planPriceCached"), align: "right", render: (_, one) => money(one.cached_input_per_million, one.currency) },
        { title: t("planPriceOut"), align: "right", render: (_, one) => money(one.output_per_million, one.currency) },
        { title: t("planConditions"), render: (_, one) => <div className="cell soft">{[one.period, one.region, one.tier].filter(Boolean).join(" · ")}</div> },
        { title: t("planFrom"), render: (_, one) => <Source one={one} /> },
      ]}
    />
  );
}

function Models({ all }: { all: ModelEntry[] }) {
  const { t, language } = useSetting();
  const size = (value: number) => <span className="digits">{human(value, "", language)}</span>;
  return (
    <Table<ModelEntry>
      rowKey="name"
      size="small"
      pagination={false}
      dataSource={all}
      scroll={{ x: "max-content" }}
      columns={[
        { title: t("planModel"), fixed: "left", render: (_, one) => <b>{one.name}</b> },
        { title: t("planParameters"), align: "right", sorter: (a, b) => a.parameters - b.parameters, render: (_, one) => size(one.parameters) },
        { title: t("planActive"), align: "right", render: (_, one) => (one.active_parameters === undefined ? "–" : size(one.active_parameters)) },
        { title: t("context"), align: "right", render: (_, one) => size(one.context) },
        { title: t("planLicence"), dataIndex: "licence" },
        { title: t("planFrom"), render: (_, one) => <Source one={one} /> },
      ]}
    />
  );
}

export function CataloguePart({ catalogue }: { catalogue: Catalogue }) {
  const { t, language } = useSetting();
  const [list, setList] = useState<List>("accelerators");
  const [wanted, setWanted] = useState("");
  const fits = (...texts: string[]) => texts.some((text) => text.toLowerCase().includes(wanted.trim().toLowerCase()));
  return (
    <>
      <div className="strip">
        <Segmented<List> value={list} onChange={setList} options={lists.map(([value, word]) => ({ value, label: t(word) }))} />
        <Input.Search
          allowClear
          value={wanted}
          onChange={(event) => setWanted(event.target.value)}
          placeholder={t("planFilter")}
          aria-label={t("planFilter")}
          style={{ width: 220 }}
        />
        <span className="grow" />
        <span className="soft">
          {t("planOrigin")}: {catalogue.origin[language]}
        </span>
      </div>
      {catalogue.problem && <p className="banner">{catalogue.problem[language]}</p>}
      <div className="sheet wide-table" style={{ padding: "6px 8px" }}>
        {list === "accelerators" ? (
          <Cards all={catalogue.accelerators.filter((one) => fits(one.name, one.vendor))} />
        ) : list === "prices" ? (
          <Prices all={catalogue.token_prices.filter((one) => fits(one.model, one.vendor))} />
        ) : (
          <Models all={catalogue.models.filter((one) => fits(one.name, one.family))} />
        )}
      </div>
    </>
  );
}
