import { Drawer } from "antd";
import { useEffect, useRef } from "react";
import { basePath, type DocumentText, type Passage } from "./api";
import { cutAtBytes } from "./bytes";
import { useData } from "./hooks";
import { useSetting } from "./i18n";
import { Waiting } from "./waiting";

export interface Place { base: string; passage: Pick<Passage, "document_id" | "document" | "page" | "start" | "end"> }

/** A long document is shown around the passage: what lies further away would only slow the page down. */
const kShown = 60_000;

function Text({ place }: { place: Place }) {
  const { data, ...load } = useData<DocumentText>(`${basePath(place.base)}/documents/${place.passage.document_id}/text`);
  const mark = useRef<HTMLElement>(null);
  useEffect(() => {
    void mark.current?.scrollIntoView({ block: "center" });
  }, [data, place]);
  if (!data) return <Waiting {...load} />;
  const [before, quoted, after] = cutAtBytes(data.markdown, [place.passage.start, place.passage.end]);
  return (
    <div className="document">
      {before.length > kShown ? "…" + before.slice(-kShown) : before}
      <mark ref={mark}>{quoted}</mark>
      {after.length > kShown ? after.slice(0, kShown) + "…" : after}
    </div>
  );
}

/** The document that a citation names, opened at the cited words. */
export function PassageDrawer({ place, close }: { place: Place | undefined; close(): void }) {
  const { t } = useSetting();
  const title = place && place.passage.document + (place.passage.page > 0 ? ` · ${t("page", { page: place.passage.page })}` : "");
  return (
    <Drawer open={place !== undefined} onClose={close} size={720} title={title} destroyOnHidden>
      {place && <Text place={place} />}
    </Drawer>
  );
}
