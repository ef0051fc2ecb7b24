import { Button, Spin } from "antd";
import { useSetting } from "./i18n";

/** In the place of what is still to come: that it is on its way, or why it did not come and a way to ask again. */
export function Waiting({ fault, refresh, minHeight }: { fault?: string; refresh(): unknown; minHeight?: number }) {
  const { t } = useSetting();
  return (
    <div className="empty" style={{ minHeight }}>
      {fault === undefined ? (
        <Spin />
      ) : (
        <div role="alert">
          <p>{fault}</p>
          <Button onClick={() => void refresh()}>{t("retry")}</Button>
        </div>
      )}
    </div>
  );
}
