import { Table, type TableProps } from "antd";
import { Waiting } from "./waiting";

type Load = { data?: unknown; fault?: string; refresh(): unknown };

/** A table on a sheet of its own; where its rows could not be loaded, why, with a button that asks again. */
export function TableSheet<Row extends object>({ load, children, ...table }: { load: Load; children?: React.ReactNode } & Omit<TableProps<Row>, "loading">) {
  if (!load.data && load.fault !== undefined) return <Waiting fault={load.fault} refresh={load.refresh} />;
  return (
    <div className="sheet wide-table" style={{ padding: "6px 8px" }}>
      <Table<Row> size="middle" pagination={false} {...table} loading={!load.data} />
      {children}
    </div>
  );
}
