/** The frame of a page: its title and what can be done there. `wide`: for things that stand side by side. */
export function Page({ title, actions, wide = false, children }: { title: React.ReactNode; actions?: React.ReactNode; wide?: boolean; children: React.ReactNode }) {
  return (
    <div className={wide ? "page wide" : "page"}>
      <header>
        <h1>{title}</h1>
        {actions}
      </header>
      {children}
    </div>
  );
}
