/**
 * Every table: rows of 36 px, hairlines, a caption for those who do not see it, skeleton rows while loading, and on a
 * narrow screen one card per row. The server sorts and pages; TanStack Table keeps columns and rows apart.
 */
import { type ColumnDef, type RowData, tableFeatures, useTable } from "@tanstack/react-table";
import type { ReactNode } from "react";

import classes from "./DataTable.module.css";

const features = tableFeatures({});
export type Features = typeof features;

export interface Column<Row extends RowData> {
  id: string;
  header: string;
  cell: (row: Row) => ReactNode;
  /** Numbers stand right. */
  numeric?: boolean;
  /** Takes the room that is left. */
  grow?: boolean;
  /** Left out on a narrow screen. */
  wideOnly?: boolean;
}

interface Props<Row extends RowData> {
  caption: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[] | undefined;
  rowId: (row: Row) => string;
  /** Shown instead of rows when there are none. */
  empty: ReactNode;
  onOpen?: (row: Row) => void;
  /** While the next answer is on its way, the old one is shown dimmed. */
  stale?: boolean;
}

const SKELETON_ROWS = 8;
const NO_ROWS: never[] = [];

export const DataTable = <Row extends RowData>({ caption, columns, rows, rowId, empty, onOpen, stale = false }: Props<Row>) => {
  const defs: ColumnDef<Features, Row, unknown>[] = columns.map(({ id, header, cell }) => ({ id, header, cell: ({ row }) => cell(row.original) }));
  const table = useTable({ features, columns: defs, data: (rows ?? NO_ROWS) as Row[], getRowId: rowId });
  if (rows?.length === 0) return <>{empty}</>;
  const looks = new Map(columns.map((column) => [column.id, column]));
  const attributes = (id: string) => {
    const look = looks.get(id);
    return { "data-numeric": look?.numeric || undefined, "data-grow": look?.grow || undefined, "data-wide": look?.wideOnly || undefined };
  };
  return (
    <div className={classes["scroll"]} data-stale={stale || undefined}>
      <table className={classes["table"]}>
        <caption className="visually-hidden">{caption}</caption>
        <thead>
          {table.getHeaderGroups().map((group) => (
            <tr key={group.id}>
              {group.headers.map((header) => (
                <th key={header.id} scope="col" {...attributes(header.column.id)}>
                  <table.FlexRender header={header} />
                </th>
              ))}
            </tr>
          ))}
        </thead>
        <tbody aria-busy={rows === undefined}>
          {rows === undefined ? (
            <SkeletonRows columns={columns.length} />
          ) : (
            table.getRowModel().rows.map((row) => (
              <tr key={row.id} data-open={onOpen ? true : undefined} onClick={onOpen && ((event) => isPlain(event.target) && onOpen(row.original))}>
                {row.getAllCells().map((cell) => (
                  <td key={cell.id} data-label={looks.get(cell.column.id)?.header} {...attributes(cell.column.id)}>
                    <table.FlexRender cell={cell} />
                  </td>
                ))}
              </tr>
            ))
          )}
        </tbody>
      </table>
    </div>
  );
};

/** A click on a link, a button or a selected text is not a click on the row. */
const isPlain = (target: EventTarget): boolean =>
  target instanceof Element && target.closest("a, button, input, label, [role=menu], [role=dialog]") === null && (window.getSelection()?.isCollapsed ?? true);

const SkeletonRows = ({ columns }: { columns: number }) =>
  Array.from({ length: SKELETON_ROWS }, (_row, row) => (
    <tr key={row} aria-hidden>
      {Array.from({ length: columns }, (_cell, cell) => (
        <td key={cell}>
          <span className="skeleton" data-width={(row * 3 + cell * 5) % 4} />
        </td>
      ))}
    </tr>
  ));
