import { App } from "antd";
import { useCallback, useEffect, useRef, useState } from "react";
import { ApiError, call } from "./api";
import { useSetting } from "./i18n";

/** The part of the address behind #, as segments: #/knowledge/NAME → ["knowledge", "NAME"]. */
export function usePlace(): string[] {
  const read = () => window.location.hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  const [place, setPlace] = useState(read);
  useEffect(() => {
    const changed = () => setPlace(read());
    window.addEventListener("hashchange", changed);
    return () => window.removeEventListener("hashchange", changed);
  }, []);
  return place;
}

export function go(...segments: string[]) {
  window.location.hash = "/" + segments.map(encodeURIComponent).join("/");
}

/** What went wrong, in the words of the server; a browser's own words for a server that is away are no help. */
export function useFaultWords() {
  const { t } = useSetting();
  return useCallback((error: unknown) => {
    const offline = error instanceof TypeError || (error instanceof ApiError && error.status === 0);
    return offline ? t("offline") : error instanceof Error ? error.message : String(error);
  }, [t]);
}

/** Says what went wrong. */
export function useComplain() {
  const { message } = App.useApp();
  const words = useFaultWords();
  return useCallback((error: unknown) => {
    if (error instanceof DOMException && error.name === "AbortError") return;
    void message.error(words(error), 6);
  }, [message, words]);
}

/**
 * Loads `path`, and again every `every` milliseconds while the page is seen and something is `moving` in what it says. A page
 * at rest asks nothing: each question would be an entry of the audit log. `keep`: what was found stays while another path loads.
 * `fault`: why the last question was not answered; <Waiting> shows it where there is no data, with a button that asks again.
 */
export function useData<T>(path: string, every?: number, moving: (data: T) => boolean = () => true, keep = false) {
  const [data, setData] = useState<T>();
  const [fault, setFault] = useState<unknown>();
  const complain = useComplain();
  const words = useFaultWords();
  const failed = useRef(false);
  const asked = useRef(""); // an answer that comes after another path was asked for is not shown
  const refresh = useCallback(async () => {
    setFault(undefined);
    try {
      const found = await call<T>("GET", path);
      if (asked.current === path) setData(found);
      failed.current = false;
    } catch (error) {
      if (asked.current === path) setFault(error);
      if (!failed.current) complain(error); // a server that is down says so once, not every second
      failed.current = true;
    }
  }, [path, complain]);
  useEffect(() => {
    asked.current = path;
    if (!keep) setData(undefined);
    void refresh();
  }, [path, keep, refresh]);
  const again = data !== undefined && moving(data);
  useEffect(() => {
    if (!every || !again) return;
    const ask = () => document.visibilityState === "visible" && void refresh();
    const timer = setInterval(ask, every);
    document.addEventListener("visibilitychange", ask); // one who comes back does not look at old figures
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", ask);
    };
  }, [every, again, refresh]);
  return { data, refresh, fault: fault === undefined ? undefined : words(fault) };
}
