/** The server counts bytes of UTF-8; JavaScript counts UTF-16 units. Cuts `text` at byte offsets, in order. */
export function cutAtBytes(text: string, offsets: number[]): string[] {
  const bytes = new TextEncoder().encode(text);
  const decoder = new TextDecoder();
  const ends = [...offsets, bytes.length];
  let begin = 0;
  return ends.map((end) => {
    const piece = decoder.decode(bytes.subarray(begin, Math.max(begin, end)));
    begin = Math.max(begin, end);
    return piece;
  });
}

export function humanBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (bytes >= 1024 && unit < units.length - 1) {
    bytes /= 1024;
    unit++;
  }
  return `${unit === 0 || bytes >= 100 ? Math.round(bytes) : bytes.toFixed(1)} ${units[unit]}`;
}
