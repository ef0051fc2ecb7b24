import { DownOutlined } from "@ant-design/icons";
import { Button } from "antd";
import { useContext } from "react";
import type { Model } from "../api";
import { useSetting, type Word } from "../i18n";
import { Choice, Count, DraftContext, Lines, Pick, Text, useField, YesNo } from "./fields";
import { setAt } from "./scenario";
import type { Catalogue, Criteria } from "./types";
import { human } from "./units";

const kLargestRequest = 16_777_216; // tokens, as the server takes them
const kUsualPrompt = 1155, kUsualOutput = 211; // what it takes when they are not said
const weights = ["bf16", "fp8", "int8", "int4", "awq-int4", "q8_0", "q6_k", "q5_k_m", "q4_k_m"];

/** Each with its default, of 100. */
const criteria: [keyof Criteria, Word, string][] = [
  ["security", "planSecurity", "20"],
  ["compliance", "planCompliance", "20"],
  ["cost", "planCost", "15"],
  ["latency", "planLatency", "10"],
  ["operations", "planOperations", "10"],
  ["elasticity", "planElasticity", "10"],
  ["customisation", "planCustomisation", "10"],
  ["size", "planSizeOfOrganisation", "5"],
];

interface Known {
  catalogue: Catalogue;
  library: Model[];
}

function Who({ catalogue }: Known) {
  const { t, language } = useSetting();
  const { scenario, change } = useContext(DraftContext);
  const [industry] = useField<string>(["organisation", "industry"]);
  const found = catalogue.industries.find((each) => each.name === industry);
  const name = (one: { name: string; name_zh: string }) => (language === "zh" ? one.name_zh : one.name);
  // A use belongs to its industry: another industry takes it away.
  const pick = (next: string | undefined) => change(setAt(setAt(scenario, ["organisation", "use"], undefined), ["organisation", "industry"], next));
  return (
    <>
      <Text path={["name"]} label={t("planName")} usual={t("planUnnamed")} />
      <Text path={["organisation", "name"]} label={t("planOrganisation")} />
      <Choice
        path={["organisation", "industry"]}
        label={t("planIndustry")}
        usual={t("planOpen")}
        onPick={pick}
        options={catalogue.industries.map((each) => ({ value: each.name, label: name(each), title: each.name_zh }))}
      />
      <Choice
        path={["organisation", "use"]}
        label={t("planUse")}
        usual={found ? t("planOpen") : t("planIndustryFirst")}
        options={(found?.scenarios ?? []).map((each) => ({ value: each.name, label: name(each), title: each.name_zh }))}
      />
      <Lines path={["goals"]} label={t("planGoals")} hint={t("planGoalsHint")} />
      <div className="pair">
        <Count path={["organisation", "employees"]} label={t("planEmployees")} min={0} whole />
        <Count path={["organisation", "it_staff"]} label={t("planItStaff")} min={0} whole />
      </div>
      <Count path={["documents_gb"]} label={t("planDocuments")} hint={t("planDocumentsHint")} min={0} unit="GB" usual={t("planUnknown")} />
      <Pick
        path={["training"]}
        label={t("planTraining")}
        options={[
          [undefined, t("planTrainingNone")],
          ["adapters", t("planTrainingAdapters")],
          ["all", t("planTrainingAll")],
        ]}
      />
      <YesNo path={["customised"]} label={t("planCustomised")} words={[t("planYes"), t("planNo"), t("planOpen")]} />
    </>
  );
}

function Load({ catalogue }: Known) {
  const { t } = useSetting();
  const [active] = useField<number>(["users", "daily_active"]);
  const known = catalogue.user_classes.find(
    (each) => active !== undefined && active >= each.daily_active_from && (each.daily_active_below === undefined || active < each.daily_active_below),
  );
  return (
    <>
      <Count path={["users", "daily_active"]} label={t("planDaily")} min={1} whole />
      <div className="pair">
        <Count path={["users", "requests_per_user_and_day"]} label={t("planPerDay")} min={0.01} usual={known && String(known.requests_per_user_and_day)} />
        <Count
          path={["users", "peak_hour_share"]}
          label={t("planPeakShare")}
          min={4.17}
          max={100}
          scale={100}
          unit="%"
          usual={known && String(Number((known.peak_hour_share * 100).toPrecision(12)))}
        />
      </div>
      <div className="pair">
        <Count path={["users", "requests_per_second"]} label={t("planPeakRate")} min={0.000001} unit={t("planPerSecond")} usual={t("planFromUsers")} />
        <Count path={["users", "growth_per_year"]} label={t("planGrowth")} min={-90} max={1000} scale={100} unit="%" usual="0" />
      </div>
      <div className="pair">
        <Count path={["tokens", "prompt"]} label={t("planPrompt")} min={1} max={kLargestRequest} whole usual={String(kUsualPrompt)} />
        <Count path={["tokens", "output"]} label={t("planOutput")} min={1} max={kLargestRequest} whole usual={String(kUsualOutput)} />
      </div>
      <Count path={["tokens", "shared_prefix"]} label={t("planShared")} hint={t("planSharedHint")} min={0} max={kLargestRequest} whole usual="0" />
    </>
  );
}

function Which({ catalogue, library }: Known) {
  const { t, language } = useSetting();
  const own = library.filter((model) => model.source === "library" && model.kind === "chat");
  const chat = catalogue.models.filter((model) => !["embedding", "reranker", "rerank"].includes(model.kind));
  const size = (parameters: number) => human(parameters, "", language);
  const option = (name: string, parameters: number) => ({
    value: name,
    title: name,
    label: (
      <span className="model-option">
        {name}
        <span className="soft digits">{parameters > 0 && size(parameters)}</span>
      </span>
    ),
  });
  const options = [
    ...(own.length > 0 ? [{ label: t("planOwnModels"), options: own.map((model) => option(model.name, model.parameters ?? 0)) }] : []),
    { label: t("planKnownModels"), options: chat.map((model) => option(model.name, model.parameters)) },
  ];
  return (
    <>
      <Choice path={["model", "name"]} label={t("pickModel")} usual={t("planPickModel")} options={options} />
      <div className="pair">
        <Choice
          path={["model", "weights"]}
          label={t("planWeights")}
          usual={t("planAsStored")}
          options={weights.map((each) => ({ value: each, label: each.toUpperCase() }))}
        />
        <Choice
          path={["model", "kv_type"]}
          label={t("planKvType")}
          usual="F16"
          options={["f16", "fp8", "q8_0"].map((each) => ({ value: each, label: each.toUpperCase() }))}
        />
      </div>
      <Count path={["model", "context"]} label={t("planContext")} min={1} max={kLargestRequest} whole usual="8192" />
    </>
  );
}

function Bounds({ catalogue }: Known) {
  const { t } = useSetting();
  const [edition] = useField<string>(["constraints", "edition"]);
  const cards = catalogue.accelerators.filter((card) => card.kind !== "cpu" && (edition === undefined || edition === "any" || card.edition === edition));
  const engines = [...new Set(catalogue.efficiencies.flatMap((one) => one.engine ?? []))];
  const vendors = [...new Set(cards.map((card) => card.vendor))];
  const options = vendors.map((vendor) => ({
    label: vendor,
    options: cards.filter((card) => card.vendor === vendor).map((card) => ({ value: card.name, label: card.name, title: vendor })),
  }));
  const answers: [string, string, string] = [t("planYes"), t("planNo"), t("planOpen")];
  return (
    <>
      <Pick
        path={["constraints", "edition"]}
        label={t("planEdition")}
        options={[
          [undefined, t("planAny")],
          ["domestic", t("planDomestic")],
          ["international", t("planInternational")],
        ]}
      />
      <Pick
        path={["constraints", "data_class"]}
        label={t("planDataClass")}
        options={[
          [undefined, t("planOpen")],
          ["public", t("planPublic")],
          ["internal", t("planInternal")],
          ["confidential", t("planConfidential")],
          ["core", t("planCore")],
        ]}
      />
      <div className="pair">
        <YesNo path={["constraints", "air_gapped"]} label={t("planAirGap")} words={answers} />
        <YesNo path={["constraints", "cloud_allowed"]} label={t("planCloudAllowed")} words={answers} />
      </div>
      <Choice path={["constraints", "accelerators"]} many label={t("planCards")} usual={t("planCardsOpen")} options={options} />
      <Pick path={["engine"]} label={t("planEngine")} options={[[undefined, t("planAnyEngine")], ...engines.map((one): [string, string] => [one, one])]} />
      <div className="pair">
        <Count path={["latency", "ttft_p95_s"]} label={t("planGoalTtft")} min={0.001} unit="s" usual="2" />
        <Count path={["latency", "tpot_p95_ms"]} label={t("planGoalTpot")} min={0.1} unit="ms" usual="100" />
      </div>
      <div className="pair">
        <Count path={["cards_per_replica"]} label={t("planPerReplica")} min={1} max={4096} whole usual={t("planAuto")} />
        <Count path={["years"]} label={t("planYears")} min={0.1} max={15} usual="3" />
      </div>
      <details className="more">
        <summary>{t("planCriteria")}</summary>
        <div className="pair">
          {criteria.map(([name, word, usual]) => (
            <Count key={name} path={["criteria", name]} label={t(word)} min={0} max={1000000} usual={usual} />
          ))}
        </div>
      </details>
    </>
  );
}

function Money({ catalogue }: Known) {
  const { t, language } = useSetting();
  const { scenario, change } = useContext(DraftContext);
  const currency = scenario.cost?.currency ?? "CNY";
  // A plan in dollars has no rate of the dollar, and the server refuses one.
  const pick = (next: string | undefined) => {
    const picked = setAt(scenario, ["cost", "currency"], next);
    change(next === "USD" ? setAt(picked, ["cost", "exchange_rate"], undefined) : picked);
  };
  const prices = catalogue.token_prices.filter((each) => each.period === undefined || !/off/i.test(each.period));
  const names = [...new Set(prices.map((each) => `${each.vendor}/${each.model}`))];
  const shown = (name: string) => {
    const one = prices.find((each) => `${each.vendor}/${each.model}` === name)!;
    return `${name} · ${human(one.input_per_million, one.currency, language)} / ${human(one.output_per_million, one.currency, language)}`;
  };
  const unknown = t("planUnknown");
  return (
    <>
      <div className="pair">
        <Choice path={["cost", "currency"]} label={t("planCurrency")} usual="CNY" onPick={pick} options={["CNY", "USD"].map((each) => ({ value: each, label: each }))} />
        {currency !== "USD" && <Count path={["cost", "exchange_rate"]} label={t("planRate", { currency })} min={0.000001} max={1000000} usual={unknown} />}
      </div>
      <div className="pair">
        <Count path={["cost", "card_price"]} label={t("planCardPrice")} min={0} usual={t("planFromCatalogue")} />
        <Count path={["cost", "server_price"]} label={t("planServerPrice")} min={0} usual={unknown} />
      </div>
      <div className="pair">
        <Count path={["cost", "network_price"]} label={t("planNetworkPrice")} min={0} usual={unknown} />
        <Count path={["cost", "storage_price"]} label={t("planStoragePrice")} min={0} usual={unknown} />
      </div>
      <div className="pair">
        <Count path={["cost", "price_per_kwh"]} label={t("planKwh")} min={0} usual={t("planFromCatalogue")} />
        <Count path={["cost", "pue"]} label="PUE" min={1} max={5} usual="1.4" />
      </div>
      <div className="pair">
        <Count path={["cost", "staff_per_year"]} label={t("planStaff")} min={0} usual={unknown} />
        <Count path={["cost", "rack_per_unit_and_month"]} label={t("planRack")} min={0} usual={unknown} />
      </div>
      <Choice
        path={["cost", "cloud_model"]}
        label={t("planCloudModel")}
        usual={unknown}
        options={names.map((each) => ({ value: each, label: shown(each), title: each }))}
      />
      <div className="pair">
        <Count path={["cost", "cloud_input_per_million"]} label={t("planCloudIn")} min={0} usual={t("planFromCatalogue")} />
        <Count path={["cost", "cloud_output_per_million"]} label={t("planCloudOut")} min={0} usual={t("planFromCatalogue")} />
      </div>
      <details className="more">
        <summary>{t("planMoreCost")}</summary>
        <div className="pair">
          <Count path={["cost", "local_share"]} label={t("planLocalShare")} min={0} max={100} scale={100} unit="%" usual="70" />
          <Count path={["cost", "staff_share"]} label={t("planStaffShare")} min={0} max={1000} usual="0.5" />
          <Count path={["cost", "support_share"]} label={t("planSupportShare")} min={0} max={100} scale={100} unit="%" usual="5" />
          <Count path={["cost", "depreciation_years"]} label={t("planDepreciation")} min={0.5} max={30} usual="5" />
          <Count path={["cost", "discount_rate"]} label={t("planDiscount")} min={0} max={100} scale={100} unit="%" usual="6" />
          <Count path={["cost", "residual_share"]} label={t("planResidual")} min={0} max={100} scale={100} unit="%" usual="0" />
          <Count path={["constraints", "budget"]} label={t("planBudget")} min={0} usual={t("planAny")} />
        </div>
      </details>
    </>
  );
}

const grades = { public: "planPublic", internal: "planInternal", confidential: "planConfidential", core: "planCore" } as const;

/** What has been said in each step, in a few words. */
function useSummaries(catalogue: Catalogue): string[] {
  const { t, language } = useSetting();
  const { scenario } = useContext(DraftContext);
  const { organisation, users, tokens, model, constraints, latency, cost } = scenario;
  const industry = catalogue.industries.find((each) => each.name === organisation?.industry);
  const use = industry?.scenarios.find((each) => each.name === organisation?.use);
  const named = (one?: { name: string; name_zh: string }) => (one ? (language === "zh" ? one.name_zh : one.name) : undefined);
  const join = (parts: (string | undefined | false)[]) => parts.filter(Boolean).join(" · ");
  return [
    join([scenario.name, organisation?.name, named(use) ?? named(industry)]),
    join([
      users?.daily_active !== undefined && t("planUsersCount", { count: human(users.daily_active, "", language) }),
      users?.requests_per_second !== undefined && `${users.requests_per_second} ${t("planPerSecond")}`,
      tokens && `${tokens.prompt ?? kUsualPrompt} → ${tokens.output ?? kUsualOutput} ${t("planTokensShort")}`,
    ]),
    join([model.name, model.weights?.toUpperCase(), model.context !== undefined && `${human(model.context, "", language)}`]),
    join([
      constraints?.edition === "domestic" && t("planDomestic"),
      constraints?.edition === "international" && t("planInternational"),
      constraints?.data_class !== undefined && t(grades[constraints.data_class]),
      constraints?.air_gapped && t("planAirGap"),
      constraints?.cloud_allowed === false && t("planNoCloud"),
      constraints?.accelerators?.join(", "),
      scenario.engine,
      latency?.ttft_p95_s !== undefined && `≤ ${latency.ttft_p95_s} s`,
      latency?.tpot_p95_ms !== undefined && `≤ ${latency.tpot_p95_ms} ms`,
    ]),
    join([cost?.currency, cost?.card_price !== undefined && `${t("planCardPrice")} ${human(cost.card_price, cost.currency ?? "CNY", language)}`, cost?.cloud_model]),
  ];
}

/** Five steps, one open at a time, each of which may be left as it is: what is changed is planned at once. */
export function Wizard({ catalogue, library, open, setOpen }: Known & { open: number; setOpen(step: number): void }) {
  const { t } = useSetting();
  const summaries = useSummaries(catalogue);
  const steps = [
    { title: t("planStepWho"), body: <Who catalogue={catalogue} library={library} /> },
    { title: t("planStepLoad"), body: <Load catalogue={catalogue} library={library} /> },
    { title: t("planStepModel"), body: <Which catalogue={catalogue} library={library} /> },
    { title: t("planStepBounds"), body: <Bounds catalogue={catalogue} library={library} /> },
    { title: t("planStepMoney"), body: <Money catalogue={catalogue} library={library} /> },
  ];
  return (
    <ol className="steps">
      {steps.map((step, index) => (
        <li key={step.title} className={open === index ? "open" : summaries[index] ? "said" : ""}>
          <button type="button" className="step" aria-expanded={open === index} onClick={() => setOpen(open === index ? -1 : index)}>
            <i aria-hidden="true">{index + 1}</i>
            <span>
              <b>{step.title}</b>
              {open !== index && <small className="soft">{summaries[index] || t("planDefaults")}</small>}
            </span>
            <DownOutlined aria-hidden="true" />
          </button>
          {open === index && (
            <div className="step-body">
              {step.body}
              <div className="step-acts">
                {index > 0 && (
                  <Button size="small" onClick={() => setOpen(index - 1)}>
                    {t("planBack")}
                  </Button>
                )}
                {index < steps.length - 1 && (
                  <Button size="small" type="primary" ghost onClick={() => setOpen(index + 1)}>
                    {t("planNext")}
                  </Button>
                )}
              </div>
            </div>
          )}
        </li>
      ))}
    </ol>
  );
}
