import { usePlace } from "../hooks";
import { useSetting, type Word } from "../i18n";
import { LimitsTab } from "../usage/limits";
import { PricesTab } from "../usage/prices";
import { Report } from "../usage/report";
import { Page } from "./page";

const tabs: { place: string; word: Word }[] = [{ place: "", word: "usage" }, { place: "limits", word: "limitsAndBudgets" }, { place: "prices", word: "prices" }];

export function UsagePage({ admin }: { admin: boolean }) {
  const { t } = useSetting();
  const [, place = ""] = usePlace();
  const tab = admin ? place : "";
  return (
    <Page wide title={t("usage")}>
      {admin && (
        <nav className="tabs" aria-label={t("usage")}>
          {tabs.map((each) => <a key={each.place} href={`#/usage${each.place && "/"}${each.place}`} aria-current={tab === each.place ? "page" : undefined}>{t(each.word)}</a>)}
        </nav>
      )}
      {tab === "limits" ? <LimitsTab /> : tab === "prices" ? <PricesTab /> : <Report all={admin} />}
    </Page>
  );
}
