import { PlusOutlined } from "@ant-design/icons";
import { Button } from "antd";
import { useState } from "react";
import type { Deployment, Deployments } from "../api";
import { humanBytes } from "../bytes";
import { CreateDialog } from "../deploy/create";
import { Dots, replicasOf, SplitBar, StateTag } from "../deploy/parts";
import { sharesText } from "../deploy/shares";
import { useData, usePlace } from "../hooks";
import { useSetting } from "../i18n";
import { MeterBar } from "../meter_bar";
import { numbersOf } from "../numbers";
import { TableSheet } from "../table_sheet";
import { DeploymentPage } from "./deployment";
import { Page } from "./page";

const kRefresh = 3000; // milliseconds

/** The slowest of the versions that answer: what a user may meet. */
const firstTokenOf = (deployment: Deployment) => Math.max(0, ...deployment.versions.filter((version) => version.traffic > 0).map((version) => version.figures.first_token_p95_ms));

function List({ canManage }: { canManage: boolean }) {
  const { t, language } = useSetting();
  const { count, millis } = numbersOf(language);
  const load = useData<Deployments>("/api/v1/deployments", kRefresh);
  const [creating, setCreating] = useState(false);
  const actions = canManage && <Button type="primary" icon={<PlusOutlined />} onClick={() => setCreating(true)}>{t("newDeployment")}</Button>;
  const memory = load.data?.memory;
  return (
    <Page wide title={t("deployments")} actions={actions}>
      {memory && (
        <div className="sheet" style={{ marginBottom: 14 }}>
          <MeterBar name={t("modelMemory")} used={memory.used_bytes} bound={memory.budget_bytes} text={`${humanBytes(memory.used_bytes)} / ${humanBytes(memory.budget_bytes)}`} />
        </div>
      )}
      <TableSheet<Deployment> load={load} rowKey="name" dataSource={load.data?.deployments} locale={{ emptyText: t("noDeployments") }} scroll={{ x: "max-content" }}
        columns={[
          { title: t("name"), render: (_, one) => <><a href={`#/deployments/${encodeURIComponent(one.name)}`}><b>{one.name}</b></a>{one.reason && <div className="soft reason">{one.reason}</div>}</> },
          { title: t("state"), width: 110, render: (_, one) => <StateTag state={one.state} /> },
          { title: t("versions"), width: 190, render: (_, one) => <><SplitBar versions={one.versions} /><small className="soft">{sharesText(Object.fromEntries(one.versions.map((version) => [version.version, version.traffic])))}</small></> },
          { title: t("replicas"), width: 120, render: (_, one) => <Dots replicas={replicasOf(one)} /> },
          { title: t("requests"), align: "right", render: (_, one) => <span className="digits">{count(one.requests)}</span> },
          { title: t("waitingForFirst"), align: "right", render: (_, one) => <span className="digits">{count(one.requests_waiting)}</span> },
          { title: t("firstTokenP95"), align: "right", render: (_, one) => <span className="digits">{firstTokenOf(one) > 0 ? millis(firstTokenOf(one)) : "–"}</span> },
          { title: t("memory"), align: "right", render: (_, one) => <span className="digits">{humanBytes(replicasOf(one).reduce((sum, replica) => sum + replica.resident_bytes, 0))}</span> },
        ]} />
      {canManage && <CreateDialog open={creating} close={() => setCreating(false)} done={() => void load.refresh()} />}
    </Page>
  );
}

export function DeploymentsPage({ canManage }: { canManage: boolean }) {
  const [, name] = usePlace();
  return name ? <DeploymentPage key={name} name={name} canManage={canManage} /> : <List canManage={canManage} />;
}
