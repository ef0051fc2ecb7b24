import { Tag } from "antd";
import { useSetting, type Word } from "../i18n";
import { Num } from "./number";
import type { Mode, Plan } from "./types";
import { human } from "./units";

const modes: [Mode, Word, 1 | 2 | 3][] = [
  ["on_premise", "planOwn", 1],
  ["hybrid", "planHybrid", 2],
  ["cloud", "planCloud", 3],
];
const severities: Record<string, [Word, string]> = { low: ["planLow", "default"], medium: ["planMedium", "gold"], high: ["planHigh", "red"] };
const mitigations: Record<string, Word> = { product: "planByProduct", planned: "planByPlanned", organisation: "planByOrganisation" };

/** Each way's score as the sum of what the criteria bring to it. */
function Ranking({ plan }: { plan: Plan }) {
  const { t, language } = useSetting();
  const { mode } = plan.advice;
  return (
    <section className="sheet ranking">
      <h3>{t("planModeRanking")}</h3>
      <ol>
        {mode.ranking.map((one) => {
          const out = mode.exclusions.filter((each) => each.mode === one.mode);
          return (
            <li key={one.mode} className={one.excluded ? "excluded" : ""}>
              <b>
                {one.name[language]}
                {one.mode === mode.mode && <Tag color="green">{t("planAdvised")}</Tag>}
                {one.excluded && <Tag color="red">{t("planExcluded")}</Tag>}
              </b>
              <span className="stack" aria-hidden="true">
                {mode.criteria.map((each, index) => (
                  <i
                    key={each.criterion}
                    className={`s${index % 8}`}
                    style={{ width: `${each.contributions[one.mode]}%` }}
                    title={`${each.name[language]} ${each.contributions[one.mode].toFixed(1)}`}
                  />
                ))}
              </span>
              <Num id={`mode.${one.mode}`}>{one.score.toFixed(1)}</Num>
              {out.map((each) => (
                <small key={each.rule} className="soft">
                  {each.reason[language]} {each.norm[language] && `（${each.norm[language]}）`}
                </small>
              ))}
            </li>
          );
        })}
      </ol>
      <div className="legend">
        {mode.criteria.map((each, index) => (
          <span key={each.criterion}>
            <i className={`key s${index % 8}`} />
            {each.name[language]}
          </span>
        ))}
      </div>
      <details>
        <summary>{t("planByCriterion")}</summary>
        <div className="wide-table">
          <table className="plain">
            <thead>
              <tr>
                <th>{t("planCriterion")}</th>
                <th>{t("planWeight")}</th>
                {modes.map(([key, word]) => (
                  <th key={key}>{t(word)}</th>
                ))}
                <th>{t("planReasons")}</th>
              </tr>
            </thead>
            <tbody>
              {mode.criteria.map((each) => (
                <tr key={each.criterion}>
                  <th>{each.name[language]}</th>
                  <td className="digits">{Math.round(each.weight * 100)}%</td>
                  {modes.map(([key]) => (
                    <td key={key} className="digits">
                      {each.scores[key].toFixed(0)} <small className="soft">({each.contributions[key].toFixed(1)})</small>
                    </td>
                  ))}
                  <td className="words">{each.reasons.map((one) => one[language]).join(language === "zh" ? "；" : "; ")}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
      {mode.flips.length > 0 && (
        <>
          <h4>{t("planFlips")}</h4>
          <ul className="flips">
            {mode.flips
              .filter((one) => one.to)
              .map((one) => (
                <li key={one.name}>{one.text[language]}</li>
              ))}
          </ul>
          {mode.flips.some((one) => !one.to) && (
            <p className="soft">
              {t("planNoFlip", {
                names: mode.flips
                  .filter((one) => !one.to)
                  .map((one) => one.label[language])
                  .join(language === "zh" ? "、" : ", "),
              })}
            </p>
          )}
        </>
      )}
    </section>
  );
}

function Models({ plan }: { plan: Plan }) {
  const { t, language } = useSetting();
  const { model } = plan.advice;
  return (
    <section className="sheet">
      <h3>
        {t("planModelAdvice")} <small className="soft">{model.class_reason[language]}</small>
      </h3>
      {model.abilities.length > 0 && (
        <p>
          {model.abilities.map((one) => (
            <Tag key={one.id}>{one.name[language]}</Tag>
          ))}
        </p>
      )}
      {model.goals.length > 0 && (
        <ul>
          {model.goals.map((one) => (
            <li key={one.name.en}>
              {one.name[language]} {one.at_least !== undefined ? `≥ ${one.at_least}` : `≤ ${one.at_most}`} {one.unit}
            </li>
          ))}
        </ul>
      )}
      <div className="wide-table">
        <table className="plain">
          <thead>
            <tr>
              <th>{t("planModel")}</th>
              <th>{t("planParameters")}</th>
              <th>{t("planLicence")}</th>
              <th>{t("planReasons")}</th>
            </tr>
          </thead>
          <tbody>
            {model.candidates.map((one) => (
              <tr key={one.model}>
                <th>
                  {one.model}
                  {one.suggested && <Tag color="green">{t("planAdvised")}</Tag>}
                </th>
                <td className="digits">{human(one.parameters, "", language)}</td>
                <td>{one.licence}</td>
                <td className="words">{one.note[language]}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p className="soft">{model.openness_reason[language]}</p>
    </section>
  );
}

function StorageAndNetwork({ plan }: { plan: Plan }) {
  const { t, language } = useSetting();
  const { storage, network } = plan.advice;
  const needed = network.needs.filter((one) => one.needed);
  return (
    <>
      <section className="sheet">
        <h3>
          {t("planStorage")} <small className="soft">{storage.storage[language]}</small>
        </h3>
        <div className="wide-table">
          <table className="plain">
            <thead>
              <tr>
                <th>{t("planStage")}</th>
                <th>{t("planClass")}</th>
                <th>{t("planRead")}</th>
                <th>{t("planWrite")}</th>
                <th>{t("planNodes")}</th>
                <th>{t("planCapacity")}</th>
              </tr>
            </thead>
            <tbody>
              {storage.needs.map((one) => (
                <tr key={one.stage}>
                  <th>
                    {one.name[language]}
                    <div className="soft">{one.reason[language]}</div>
                  </th>
                  <td>{one.class_name[language]}</td>
                  {[one.read, one.write, one.units, one.capacity].map((id, index) => (
                    <td key={index}>{id ? <Num id={id} /> : "–"}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </section>
      <section className="sheet">
        <h3>
          {t("planNetwork")} <small className="soft">{network.tail[language]}</small>
        </h3>
        <div className="wide-table">
          <table className="plain">
            <thead>
              <tr>
                <th>{t("planScene")}</th>
                <th>{t("planLeast")}</th>
                <th>{t("planAdvised")}</th>
                <th>{t("planFigures")}</th>
              </tr>
            </thead>
            <tbody>
              {(needed.length > 0 ? needed : network.needs).map((one) => (
                <tr key={one.scenario}>
                  <th>
                    {one.name[language]}
                    <div className="soft">{one.reason[language]}</div>
                  </th>
                  <td>{one.minimum}</td>
                  <td>{one.recommended}</td>
                  <td>
                    {one.figures.map((id) => (
                      <div key={id}>
                        <Num id={id} />
                      </div>
                    ))}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </section>
    </>
  );
}

function Risks({ plan }: { plan: Plan }) {
  const { t, language } = useSetting();
  return (
    <section className="sheet">
      <h3>
        {t("planRisks")} <small className="soft">{t("planSelfAssessed")}</small>
      </h3>
      <ul className="risks">
        {plan.advice.risks.map((one) => (
          <li key={one.id}>
            <Tag color={severities[one.severity][1]}>
              {t(severities[one.severity][0])} {one.probability}×{one.impact}
            </Tag>
            <div>
              <b>{one.title[language]}</b> <span className="soft">{one.norm[language]}</span>
              <p>{one.why[language]}</p>
              <p>
                {one.mitigation[language]} <span className="soft">{t(mitigations[one.by])}</span>
              </p>
            </div>
          </li>
        ))}
      </ul>
      {plan.advice.reminders.length > 0 && (
        <ul>
          {plan.advice.reminders.map((one) => (
            <li key={one.en}>{one[language]}</li>
          ))}
        </ul>
      )}
    </section>
  );
}

function Quality({ plan }: { plan: Plan }) {
  const { t, language } = useSetting();
  return (
    <section className="sheet">
      <h3>{t("planQuality")}</h3>
      <p>{plan.quality.advice[language]}</p>
      <div className="wide-table">
        <table>
          <thead>
            <tr>
              <th>{t("planQualityModel")}</th>
              <th>{t("planQualityShare")}</th>
              <th>{t("planQualityCost")}</th>
              <th>{t("planQualityGain")}</th>
            </tr>
          </thead>
          <tbody>
            {plan.quality.steps.map((one) => (
              <tr key={one.name}>
                <th>
                  {one.name} {one.knee && <Tag color="green">{t("planQualityKnee")}</Tag>}
                </th>
                <td className="digits">{one.knee ? <Num id="quality.knee">{one.quality} %</Num> : `${one.quality} %`}</td>
                <td className="digits">{one.relative_cost} ×</td>
                <td>{one.gain_per_cost !== undefined && <Num id={`quality.${one.name}`}>{one.gain_per_cost.toPrecision(2)}</Num>}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

export function AdvicePart({ plan }: { plan: Plan }) {
  return (
    <div className="stacked">
      <Ranking plan={plan} />
      <Models plan={plan} />
      <Quality plan={plan} />
      <StorageAndNetwork plan={plan} />
      <Risks plan={plan} />
    </div>
  );
}
