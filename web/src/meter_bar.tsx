/** How much of a bound is used. */
export function MeterBar({ name, used, bound, text }: { name: string; used: number; bound: number; text: string }) {
  const share = bound > 0 ? Math.min(1, used / bound) : used > 0 ? 1 : 0;
  return (
    <div className="meter">
      <div><span className="soft">{name}</span><span className="digits">{text}</span></div>
      <div className="track" role="meter" aria-label={name} aria-valuemin={0} aria-valuemax={bound} aria-valuenow={Math.min(used, bound)} aria-valuetext={text}>
        <i className={share >= 1 ? "full" : share >= 0.8 ? "near" : ""} style={{ width: `${share * 100}%` }} />
      </div>
    </div>
  );
}
