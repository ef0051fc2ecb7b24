import { Tag, Tooltip } from "antd";
import type { Deployment, Replica, ReplicaState, Version } from "../api";
import { useSetting, type Word } from "../i18n";

const states: Record<Deployment["state"], [Word, string]> = { starting: ["stateStarting", "processing"], ready: ["stateReady", "success"], partial: ["statePartial", "warning"], asleep: ["stateAsleep", "default"], failed: ["stateFailed", "error"] };
const replicaStates: Record<ReplicaState, [Word, string]> = {
  starting: ["stateStarting", "processing"], ready: ["stateReady", "success"], resting: ["stateResting", "warning"], restarting: ["stateRestarting", "warning"], draining: ["stateDraining", "default"], failed: ["stateFailed", "error"],
};

export function StateTag({ state }: { state: Deployment["state"] }) {
  const { t } = useSetting();
  return <Tag color={states[state][1]}>{t(states[state][0])}</Tag>;
}

export function ReplicaTag({ replica }: { replica: Replica }) {
  const { t } = useSetting();
  const tag = <Tag color={replicaStates[replica.state][1]}>{t(replicaStates[replica.state][0])}</Tag>;
  return replica.reason ? <Tooltip title={replica.reason}>{tag}</Tooltip> : tag;
}

export const replicasOf = (deployment: Deployment) => deployment.versions.flatMap((version) => version.replicas);

/** One dot a replica, and the count in words for those who do not see colours. */
export function Dots({ replicas }: { replicas: Replica[] }) {
  const { t } = useSetting();
  const ready = replicas.filter((replica) => replica.state === "ready").length;
  return (
    <span className="dots" title={t("replicasReady", { ready, all: replicas.length })}>
      {replicas.slice(0, 16).map((replica) => <i key={replica.id} className={replica.state} />)} <span className="digits">{ready}/{replicas.length}</span>
    </span>
  );
}

/** How the requests are shared, as one bar; the same stands beside it in words. */
export function SplitBar({ versions }: { versions: Pick<Version, "version" | "traffic">[] }) {
  return (
    <div className="split" aria-hidden="true">
      {versions.map((each, index) => each.traffic > 0 && <i key={each.version} className={`c${(index % 4) + 1}`} style={{ width: `${each.traffic}%` }} />)}
    </div>
  );
}
