/** Percentages of the requests by version; whole numbers that add up to 100. */
export type Shares = Record<string, number>;

/** Whole shares in the proportions given, by largest remainder. */
export function whole(shares: Shares): Shares {
  const names = Object.keys(shares);
  const sum = names.reduce((all, name) => all + Math.max(0, shares[name]), 0);
  if (sum === 0) return Object.fromEntries(names.map((name, index) => [name, index === 0 ? 100 : 0]));
  const exact = names.map((name) => (100 * Math.max(0, shares[name])) / sum);
  const found = exact.map(Math.floor);
  const rest = names.map((_, index) => index).sort((a, b) => exact[b] - found[b] - (exact[a] - found[a]));
  for (let missing = 100 - found.reduce((all, share) => all + share, 0), at = 0; missing > 0; missing--, at++) found[rest[at]]++;
  return Object.fromEntries(names.map((name, index) => [name, found[index]]));
}

/**
 * Gives one version `share`; the others keep their proportions in what is left. `from` are the shares before the slider was
 * taken: sliding to 100 and back restores them.
 */
export function moved(from: Shares, version: string, share: number): Shares {
  const others = Object.keys(from).filter((name) => name !== version);
  if (others.length === 0) return { [version]: 100 };
  const left = 100 - share;
  const sum = others.reduce((all, name) => all + from[name], 0);
  const parts = others.map((name) => (sum === 0 ? (name === others[0] ? left : 0) : (left * from[name]) / sum));
  const found = parts.map(Math.floor);
  const rest = others.map((_, index) => index).sort((a, b) => parts[b] - found[b] - (parts[a] - found[a]));
  for (let missing = left - found.reduce((all, part) => all + part, 0), at = 0; missing > 0; missing--, at++) found[rest[at]]++;
  return Object.fromEntries(Object.keys(from).map((name) => [name, name === version ? share : found[others.indexOf(name)]]));
}

export const sharesOf = (versions: { version: string; traffic: number }[]): Shares => whole(Object.fromEntries(versions.map((each) => [each.version, each.traffic])));

export const sameShares = (a: Shares, b: Shares) => Object.keys({ ...a, ...b }).every((name) => (a[name] ?? 0) === (b[name] ?? 0));

export const sharesText = (shares: Record<string, number>) => Object.entries(shares).filter(([, share]) => share > 0).map(([name, share]) => `${name} ${share} %`).join(" · ");
