import { ApiOutlined, AuditOutlined, BarChartOutlined, BookOutlined, CloudServerOutlined, CompassOutlined, DashboardOutlined, ExperimentOutlined, KeyOutlined, LogoutOutlined, MessageOutlined, MoonOutlined, SunOutlined, TeamOutlined, TranslationOutlined } from "@ant-design/icons";
import { App as AntApp, Button, ConfigProvider, Spin } from "antd";
import enUS from "antd/locale/en_US";
import zhCN from "antd/locale/zh_CN";
import { lazy, Suspense, useEffect, useMemo, useState } from "react";
import { call, type Role, type Session, useCsrf } from "./api";
import { usePlace } from "./hooks";
import { type Language, SettingContext, translator, useSetting, type Word } from "./i18n";
import { ChatPage } from "./pages/chat";
import { LoginPage } from "./pages/login";
import { themeOf } from "./theme";

const KnowledgePage = lazy(() => import("./pages/knowledge").then((module) => ({ default: module.KnowledgePage })));
const ModelsPage = lazy(() => import("./pages/models").then((module) => ({ default: module.ModelsPage })));
const PlaygroundPage = lazy(() => import("./pages/playground").then((module) => ({ default: module.PlaygroundPage })));
const DeploymentsPage = lazy(() => import("./pages/deployments").then((module) => ({ default: module.DeploymentsPage })));
const PlanPage = lazy(() => import("./pages/plan").then((module) => ({ default: module.PlanPage })));
const UsagePage = lazy(() => import("./pages/usage").then((module) => ({ default: module.UsagePage })));
const KeysPage = lazy(() => import("./pages/keys").then((module) => ({ default: module.KeysPage })));
const UsersPage = lazy(() => import("./pages/users").then((module) => ({ default: module.UsersPage })));
const AuditPage = lazy(() => import("./pages/audit").then((module) => ({ default: module.AuditPage })));
const StatusPage = lazy(() => import("./pages/status").then((module) => ({ default: module.StatusPage })));

interface Room { place: string; word: Word; icon: React.ReactNode; page: React.ReactNode; roles?: Role[] }
const rooms = (session: Session): Room[] =>
  ([
    { place: "chat", word: "chat", icon: <MessageOutlined />, page: <ChatPage /> },
    { place: "knowledge", word: "knowledge", icon: <BookOutlined />, page: <KnowledgePage canEdit={session.role !== "reader"} /> },
    { place: "playground", word: "playground", icon: <ExperimentOutlined />, page: <PlaygroundPage /> },
    { place: "models", word: "models", icon: <ApiOutlined />, page: <ModelsPage canManage={session.role === "admin"} /> },
    { place: "deployments", word: "deployments", icon: <CloudServerOutlined />, page: <DeploymentsPage canManage={session.role === "admin"} /> },
    { place: "plan", word: "planTitle", icon: <CompassOutlined />, page: <PlanPage key={session.username} me={session.username} /> },
    { place: "usage", word: "usage", icon: <BarChartOutlined />, page: <UsagePage admin={session.role === "admin"} /> },
    { place: "keys", word: "keys", icon: <KeyOutlined />, page: <KeysPage /> },
    { place: "users", word: "users", icon: <TeamOutlined />, page: <UsersPage me={session.username} />, roles: ["admin"] },
    { place: "audit", word: "audit", icon: <AuditOutlined />, page: <AuditPage />, roles: ["admin"] },
    { place: "status", word: "status", icon: <DashboardOutlined />, page: <StatusPage />, roles: ["admin", "editor"] },
  ] as Room[]).filter((room) => !room.roles || room.roles.includes(session.role));

interface Look { language: Language; dark: boolean; toggleLanguage(): void; toggleDark(): void }

function Toggles({ look }: { look: Look }) {
  const { t } = useSetting();
  return (
    <>
      <Button type="text" size="small" icon={<TranslationOutlined />} onClick={look.toggleLanguage}>{t("language")}</Button>
      <Button type="text" size="small" icon={look.dark ? <SunOutlined /> : <MoonOutlined />} onClick={look.toggleDark}>{t(look.dark ? "light" : "dark")}</Button>
    </>
  );
}

function Shell({ session, look, signOut }: { session: Session; look: Look; signOut(): void }) {
  const { t } = useSetting();
  const [place = ""] = usePlace();
  const all = rooms(session);
  const room = all.find((each) => each.place === place) ?? all[0];
  return (
    <div className="shell">
      <nav className="side" aria-label={t("appName")}>
        <div className="brand"><img src="/icon.svg" alt="" />{t("appName")}</div>
        {all.map((each) => (
          <a key={each.place} className="nav" href={`#/${each.place}`} aria-current={each === room ? "page" : undefined}><span aria-hidden="true">{each.icon}</span>{t(each.word)}</a>
        ))}
        <div className="grow" />
        <div className="who">{session.username}</div>
        <div className="foot">
          <Toggles look={look} />
          <Button type="text" size="small" icon={<LogoutOutlined />} onClick={signOut}>{t("signOut")}</Button>
        </div>
      </nav>
      <main className="main">
        <Suspense fallback={<div className="empty"><Spin /></div>}>{room.page}</Suspense>
      </main>
    </div>
  );
}

export function App() {
  const [language, setLanguage] = useState<Language>(() => (localStorage.getItem("language") as Language | null) ?? (navigator.language.startsWith("zh") ? "zh" : "en"));
  const [dark, setDark] = useState(() => (localStorage.getItem("look") ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark");
  const [session, setSession] = useState<Session | null>();
  const setting = useMemo(() => ({ language, t: translator(language) }), [language]);
  const enter = (next: Session | null) => {
    useCsrf(next?.csrf);
    setSession(next);
  };
  useEffect(() => {
    call<Session>("GET", "/api/v1/session").then(enter, () => enter(null));
  }, []);
  useEffect(() => {
    document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
    document.documentElement.classList.toggle("dark", dark);
  }, [language, dark]);
  const look: Look = {
    language, dark,
    toggleLanguage: () => setLanguage((now) => (localStorage.setItem("language", now === "zh" ? "en" : "zh"), now === "zh" ? "en" : "zh")),
    toggleDark: () => setDark((now) => (localStorage.setItem("look", now ? "light" : "dark"), !now)),
  };
  const signOut = () => void call("DELETE", "/api/v1/session").finally(() => enter(null));
  return (
    <SettingContext.Provider value={setting}>
      <ConfigProvider theme={themeOf(dark)} locale={language === "zh" ? zhCN : enUS} button={{ autoInsertSpace: false }}>
        <AntApp style={{ height: "100%" }}>
          {session === undefined ? <div className="empty"><Spin /></div>
            : session === null ? <LoginPage entered={enter} toggles={<Toggles look={look} />} />
            : <Shell session={session} look={look} signOut={signOut} />}
        </AntApp>
      </ConfigProvider>
    </SettingContext.Provider>
  );
}
