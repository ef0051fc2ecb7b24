/** The frame of a page: its title and what can be done there. */
export function Page({ title, actions, children }: { title: React.ReactNode; actions?: React.ReactNode; children: React.ReactNode }) {
  return (
    <div className="page">
      <header>
        <h1>{title}</h1>
        {actions}
      </header>
      {children}
    </div>
  );
}
