import type { System } from "../api";
import { humanBytes } from "../bytes";
import { useData } from "../hooks";
import { useSetting } from "../i18n";
import { Waiting } from "../waiting";
import { Page } from "./page";

export function StatusPage() {
  const { t } = useSetting();
  const { data, ...load } = useData<System>("/api/v1/system", 3000);
  if (!data) return <Page title={t("status")}><Waiting {...load} /></Page>;
  const minutes = Math.floor(data.uptime_seconds / 60);
  const figures: [string, string | number][] = [
    [t("version"), data.version], [t("uptime"), t("hours", { hours: Math.floor(minutes / 60), minutes: minutes % 60 })], [t("serverMemory"), humanBytes(data.resident_bytes)],
    [t("diskFree"), humanBytes(data.disk_free_bytes ?? 0)], [t("knowledge"), data.knowledge_bases], [t("documents"), data.documents], [t("queueLength"), data.ingest_queue ?? 0],
    [t("modelsReady"), data.models_ready], [t("connections"), data.connections ?? 0],
  ];
  return (
    <Page title={t("status")}>
      <div className="grid" style={{ gridTemplateColumns: "repeat(auto-fill, minmax(200px, 1fr))" }}>
        {figures.map(([name, value]) => <div className="figure" key={name}><span className="soft">{name}</span><b>{value}</b></div>)}
      </div>
      <p className="soft" style={{ marginTop: 20 }}>{t("dataFolder")}: <code>{data.data_dir}</code></p>
    </Page>
  );
}
