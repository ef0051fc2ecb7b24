import { SafetyCertificateOutlined } from "@ant-design/icons";
import { App, Button, Tag } from "antd";
import { useState } from "react";
import { type AuditEntry, call } from "../api";
import { useComplain, useData } from "../hooks";
import { useSetting } from "../i18n";
import { TableSheet } from "../table_sheet";
import { Page } from "./page";

const kEntries = 200;

export function AuditPage() {
  const { t, language } = useSetting();
  const { message } = App.useApp();
  const complain = useComplain();
  const load = useData<{ entries: AuditEntry[] }>(`/api/v1/audit?limit=${kEntries}`);
  const [busy, setBusy] = useState(false);
  const verify = () => {
    setBusy(true);
    call<{ ok: boolean; entries: number; broken_seq?: number }>("POST", "/api/v1/audit/verify", {})
      .then((report) => void (report.ok ? message.success(t("auditWhole", { count: report.entries }), 6) : message.error(t("auditBroken", { seq: report.broken_seq ?? "?" }), 0)), complain)
      .finally(() => setBusy(false));
  };
  return (
    <Page title={t("audit")} actions={<Button icon={<SafetyCertificateOutlined />} loading={busy} onClick={verify}>{t("verify")}</Button>}>
      <TableSheet<AuditEntry> load={load} rowKey="seq" size="small" pagination={{ pageSize: 50, showSizeChanger: false, hideOnSinglePage: true }} dataSource={load.data?.entries}
        columns={[
          { title: "#", dataIndex: "seq", width: 80 },
          { title: t("time"), width: 180, render: (_, entry) => new Date(entry.time).toLocaleString(language === "zh" ? "zh-CN" : "en-GB") },
          { title: t("actor"), dataIndex: "actor" },
          { title: t("action"), render: (_, entry) => <code>{entry.action}</code> },
          { title: t("resource"), dataIndex: "resource", ellipsis: true },
          { title: t("outcome"), width: 100, render: (_, entry) => <Tag color={entry.outcome === "denied" ? "error" : "default"}>{entry.outcome}</Tag> },
        ]} />
    </Page>
  );
}
