/** Days as the API writes them, 2026-11-25; arithmetic in UTC, where each has 24 hours. */
export type Day = string;

const kDay = 24 * 3600 * 1000;

export function addDays(day: Day, days: number): Day {
  return new Date(Date.parse(day) + days * kDay).toISOString().slice(0, 10);
}

export function daysBetween(since: Day, until: Day): Day[] {
  const found: Day[] = [];
  for (let day = since; day <= until; day = addDays(day, 1)) found.push(day);
  return found;
}

export type Period = "month" | "lastMonth" | "week" | "thirty" | "quarter";
export const periods: Period[] = ["week", "thirty", "month", "lastMonth", "quarter"];

/** The first and last day of a period that is seen from `today`. */
export function rangeOf(period: Period, today: Day): { since: Day; until: Day } {
  const first = today.slice(0, 8) + "01";
  const lastOfBefore = addDays(first, -1);
  switch (period) {
    case "month": return { since: first, until: today };
    case "lastMonth": return { since: lastOfBefore.slice(0, 8) + "01", until: lastOfBefore };
    case "week": return { since: addDays(today, -6), until: today };
    case "thirty": return { since: addDays(today, -29), until: today };
    case "quarter": return { since: addDays(today, -89), until: today };
  }
}
