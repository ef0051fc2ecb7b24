import { Alert, Button, Form, Input } from "antd";
import { useState } from "react";
import { ApiError, call, type Session } from "../api";
import { useSetting } from "../i18n";

export function LoginPage({ entered, toggles }: { entered(session: Session): void; toggles: React.ReactNode }) {
  const { t } = useSetting();
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const submit = async (values: { username: string; password: string }) => {
    setBusy(true);
    setProblem("");
    try {
      entered(await call<Session>("POST", "/api/v1/session", values));
    } catch (error) {
      setProblem(error instanceof ApiError ? (error.status === 401 ? t("wrongPassword") : error.message) : t("offline"));
    } finally {
      setBusy(false);
    }
  };
  return (
    <div className="login">
      <div>
        <div className="card">
          <Form layout="vertical" requiredMark={false} onFinish={submit}>
            <img src="/icon.svg" alt="" width={44} height={44} />
            <h1>{t("appName")}</h1>
            <p className="soft" style={{ marginTop: 0, marginBottom: 24 }}>{t("tagline")}</p>
            {problem && <Alert type="error" title={problem} style={{ marginBottom: 16 }} showIcon />}
            <Form.Item name="username" label={t("username")} rules={[{ required: true, message: "" }]}><Input size="large" autoFocus autoComplete="username" /></Form.Item>
            <Form.Item name="password" label={t("password")} rules={[{ required: true, message: "" }]}><Input.Password size="large" autoComplete="current-password" /></Form.Item>
            <Button type="primary" htmlType="submit" size="large" block loading={busy}>{t("signIn")}</Button>
          </Form>
          <p className="soft" style={{ fontSize: 12.5, margin: "18px 0 0" }}>{t("firstPassword")}</p>
        </div>
        <div style={{ textAlign: "center", marginTop: 14 }}>{toggles}</div>
      </div>
    </div>
  );
}
