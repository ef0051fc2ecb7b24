import { FileTextOutlined, PushpinOutlined, ReloadOutlined } from "@ant-design/icons";
import { App, Button, Spin } from "antd";
import { useEffect, useMemo, useRef, useState } from "react";
import type { Model } from "../api";
import { go, useData, usePlace } from "../hooks";
import { useSetting, type Word } from "../i18n";
import { CataloguePart } from "../plan/catalogue";
import { MemoryBar } from "../plan/charts";
import { ComparePart } from "../plan/comparison";
import { DraftContext } from "../plan/fields";
import { sheetsOf } from "../plan/figures";
import { WithFigures } from "../plan/number";
import { PapersDialog } from "../plan/papers";
import { Result } from "../plan/result";
import { blank, draftKey, forServer, isEnough, keep, kMostSaved, readDraft, readSaved, type Saved, savedKey, writeStored } from "../plan/scenario";
import { TrustPart } from "../plan/trust";
import type { Catalogue, MemoryAnswer, Plan, Scenario } from "../plan/types";
import { human } from "../plan/units";
import { type Asked, useMemory, usePlan } from "../plan/use_plan";
import { Wizard } from "../plan/wizard";
import { Waiting } from "../waiting";
import "../plan/plan.css";
import { Page } from "./page";

const tabs: { place: string; word: Word }[] = [
  { place: "", word: "planTitle" },
  { place: "compare", word: "planCompare" },
  { place: "catalogue", word: "planCatalogue" },
  { place: "trust", word: "planTrust" },
];

const kMostHolding = 12; // kinds of cards that are named; there are sixty

/** Scenarios to begin with. */
const examples: { word: Word; scenario: Omit<Scenario, "name"> }[] = [
  { word: "planExampleTeam", scenario: { model: { name: "Qwen3-8B", weights: "int8" }, users: { daily_active: 200 } } },
  {
    word: "planExampleOffice",
    scenario: { model: { name: "Qwen3-32B", weights: "fp8" }, users: { daily_active: 2000, growth_per_year: 0.3 }, constraints: { data_class: "internal" } },
  },
  {
    word: "planExampleGroup",
    scenario: { model: { name: "DeepSeek-V3", weights: "fp8" }, users: { daily_active: 20000, growth_per_year: 0.5 }, constraints: { data_class: "confidential" } },
  },
];

function Beginning({ start }: { start(scenario: Scenario): void }) {
  const { t, language } = useSetting();
  return (
    <div className="sheet beginning">
      <h2>{t("planBegin")}</h2>
      <p className="soft">{t("planBeginHint")}</p>
      <div className="grid">
        {examples.map((example) => (
          <button type="button" className="tile" key={example.word} onClick={() => start({ name: t(example.word), ...example.scenario })}>
            <h3>{t(example.word)}</h3>
            <span className="soft">
              {example.scenario.model.name} · {t("planUsersCount", { count: human(example.scenario.users!.daily_active!, "", language) })}
            </span>
          </button>
        ))}
      </div>
    </div>
  );
}

/** What was found last, dimmed while it is not the answer to what is asked now; above it what is wrong with that. */
function Answer<T>({ asked: { found, busy, error }, children }: { asked: Asked<T>; children(found: T): React.ReactNode }) {
  return (
    <>
      {error && (
        <p className="banner" role="alert">
          {error}
        </p>
      )}
      {found !== undefined ? (
        <div className={busy || error ? "dimmed" : ""}>{children(found)}</div>
      ) : (
        !error && (
          <div className="empty">
            <Spin />
          </div>
        )
      )}
    </>
  );
}

/** While the users are not said: what the model takes, and which cards hold it. */
function Quick({ scenario }: { scenario: Scenario }) {
  return <Answer asked={useMemory(scenario)}>{(found) => <Memory found={found} />}</Answer>;
}

function Memory({ found }: { found: MemoryAnswer }) {
  const { t } = useSetting();
  const sheets = useMemo(() => [{ name: "memory" as const, figures: found.figures }], [found]);
  const holding = found.cards.filter((card) => card.cards !== undefined);
  return (
    <WithFigures sheets={sheets}>
      <section className="sheet">
        <h3>
          {t("planQuick", { model: found.model })} <small className="soft">{found.weights_format.toUpperCase()}</small>
        </h3>
        <MemoryBar memory={found} />
        <h4>{t("planFits")}</h4>
        {holding.length === 0 && <p>{t("planFitsNone")}</p>}
        <ul className="fits">
          {holding.slice(0, kMostHolding).map((card) => (
            <li key={card.accelerator}>
              <b className="digits">{card.cards} ×</b> {card.accelerator}{" "}
              <small className="soft digits">
                {card.memory_gib} GiB · {Math.round(card.used * 100)}%
              </small>
            </li>
          ))}
        </ul>
        {holding.length > kMostHolding && <p className="soft">{t("planFitsMore", { count: holding.length - kMostHolding })}</p>}
        <p className="soft">{t("planSayUsers")}</p>
      </section>
    </WithFigures>
  );
}

interface PlannerProps {
  catalogue: Catalogue;
  library: Model[];
  draft: Scenario;
  setDraft(next: Scenario): void;
  plans: Map<string, Plan>;
  pin(): void;
  pinned: boolean;
}

function Planner({ catalogue, library, draft, setDraft, plans, pin, pinned }: PlannerProps) {
  const { t } = useSetting();
  const [papers, setPapers] = useState(false);
  const [step, setStep] = useState(2);
  const enough = isEnough(draft);
  const asked = useMemo(() => (enough ? forServer(draft, t("planUnnamed")) : undefined), [draft, enough, t]);
  const answer = usePlan(asked, plans);
  const { found, busy, error } = answer;
  const sheets = useMemo(() => (found ? sheetsOf(found) : []), [found]);
  const context = useMemo(() => ({ scenario: draft, change: setDraft }), [draft, setDraft]);
  const steps = useRef<HTMLDivElement>(null);
  const give = (next: number) => {
    setStep(next);
    steps.current?.scrollIntoView({ behavior: "smooth", block: "nearest" });
  };
  return (
    <div className="planner">
      <DraftContext.Provider value={context}>
        <div className="ask" ref={steps}>
          <Wizard catalogue={catalogue} library={library} open={step} setOpen={setStep} />
        </div>
      </DraftContext.Provider>
      <div className="answer-side" aria-busy={busy}>
        <div className="plan-bar">
          <span role="status">
            {busy ? (
              <>
                <Spin size="small" /> {t("planWorking")}
              </>
            ) : (
              found && !error && t("planReady")
            )}
          </span>
          <span className="grow" />
          <Button icon={<PushpinOutlined />} disabled={!enough} onClick={pin}>
            {t(pinned ? "planPinAgain" : "planPin")}
          </Button>
          <Button icon={<FileTextOutlined />} disabled={!found || error !== undefined} onClick={() => setPapers(true)}>
            {t("planPapers")}
          </Button>
          <Button icon={<ReloadOutlined />} disabled={draft === blank} onClick={() => setDraft(blank)}>
            {t("planStartOver")}
          </Button>
        </div>
        {draft.model.name === "" ? (
          <Beginning start={setDraft} />
        ) : !enough ? (
          <Quick scenario={draft} />
        ) : (
          <Answer asked={answer}>
            {(plan) => (
              <WithFigures sheets={sheets}>
                <Result plan={plan} give={give} />
              </WithFigures>
            )}
          </Answer>
        )}
      </div>
      {asked && <PapersDialog scenario={asked} open={papers} close={() => setPapers(false)} />}
    </div>
  );
}

export function PlanPage({ me }: { me: string }) {
  const { t } = useSetting();
  const { message } = App.useApp();
  const [, place = ""] = usePlace();
  const tab = tabs.some((each) => each.place === place) ? place : "";
  const { data: catalogue, ...load } = useData<Catalogue>("/api/v1/plan/catalogue");
  const library = useData<{ models: Model[] }>("/api/v1/models").data?.models ?? [];
  const [draft, setDraft] = useState(() => readDraft(me));
  const [saved, setSaved] = useState(() => readSaved(me));
  const [editing, setEditing] = useState<string>(); // of the saved ones, the one that the draft was taken from
  const plans = useRef(new Map<string, Plan>()).current;
  useEffect(() => writeStored(draftKey(me), draft), [me, draft]);
  useEffect(() => writeStored(savedKey(me), saved), [me, saved]);
  const change = (next: Scenario) => {
    if (next.model.name === "" && next.name === "") setEditing(undefined);
    setDraft(next);
  };
  const pin = () => {
    const same = saved.find((one) => one.id === editing);
    if (!same && saved.length >= kMostSaved) void message.info(t("planOldestGone", { most: kMostSaved }));
    const id = same?.id ?? String(Date.now());
    setSaved(keep(saved, { id, scenario: draft }));
    setEditing(undefined);
    void message.success(t("planPinned"));
  };
  const edit = (one: Saved) => {
    setDraft(one.scenario);
    setEditing(one.id);
    go("plan");
  };
  return (
    <Page wide title={t("planTitle")}>
      <nav className="tabs" aria-label={t("planTitle")}>
        {tabs.map((each) => (
          <a key={each.place} href={`#/plan${each.place && "/"}${each.place}`} aria-current={tab === each.place ? "page" : undefined}>
            {t(each.word)}
            {each.place === "compare" && saved.length > 0 && ` (${saved.length})`}
          </a>
        ))}
      </nav>
      {tab === "trust" ? (
        <TrustPart />
      ) : tab === "compare" ? (
        <ComparePart saved={saved} setSaved={setSaved} plans={plans} edit={edit} />
      ) : !catalogue ? (
        <Waiting {...load} />
      ) : tab === "catalogue" ? (
        <CataloguePart catalogue={catalogue} />
      ) : (
        <Planner catalogue={catalogue} library={library} draft={draft} setDraft={change} plans={plans} pin={pin} pinned={saved.some((one) => one.id === editing)} />
      )}
    </Page>
  );
}
