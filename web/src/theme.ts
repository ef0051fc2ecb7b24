import { theme, type ThemeConfig } from "antd";

const font = `-apple-system, BlinkMacSystemFont, "Segoe UI", "PingFang SC", "HarmonyOS Sans SC", "Microsoft YaHei", "Noto Sans CJK SC", "Noto Sans SC", sans-serif`;

/** Paper and ink, one green, one amber for what is quoted. */
export function themeOf(dark: boolean): ThemeConfig {
  return {
    algorithm: dark ? theme.darkAlgorithm : theme.defaultAlgorithm,
    token: {
      colorPrimary: dark ? "#3fa58f" : "#0e6e5d",
      colorInfo: dark ? "#3fa58f" : "#0e6e5d",
      colorBgLayout: dark ? "#131615" : "#f6f5f1",
      colorBgContainer: dark ? "#1b1f1e" : "#ffffff",
      colorBgElevated: dark ? "#222726" : "#ffffff",
      colorTextBase: dark ? "#e6ebe8" : "#1d2623",
      colorBorderSecondary: dark ? "#2a302e" : "#e8e6df",
      borderRadius: 10,
      fontFamily: font,
      fontSize: 14,
      wireframe: false,
      motion: !matchMedia("(prefers-reduced-motion: reduce)").matches,
    },
    components: { Table: { headerBg: "transparent", headerSplitColor: "transparent" }, Card: { bodyPadding: 20 } },
  };
}
