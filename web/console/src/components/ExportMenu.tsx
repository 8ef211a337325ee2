import { Button, Menu } from "@mantine/core";
import { IconChevronDown, IconFileTypeCsv, IconFileTypeXls, IconDatabase, IconBraces } from "@tabler/icons-react";

import type { Query } from "../api/client";
import { texts } from "../texts";
import { canFollow, exportLink } from "./export-stream";
import { startExport } from "./exports";
import type { ExportFormat } from "./rows";

const ICONS: Record<ExportFormat, typeof IconBraces> = { csv: IconFileTypeCsv, xlsx: IconFileTypeXls, jsonl: IconBraces, parquet: IconDatabase };
const FORMATS = Object.keys(ICONS) as ExportFormat[];

interface Props {
  label: string;
  /** What is exported, as it is called while it runs. */
  title: string;
  path: string;
  query: Query;
  disabled?: boolean;
}

/** All rows of a list as a file, by the filters that are set. */
export const ExportMenu = ({ label, title, path, query, disabled = false }: Props) => {
  const follow = canFollow();
  return (
    <Menu position="bottom-end" width={252}>
      <Menu.Target>
        <Button rightSection={<IconChevronDown size={14} />} disabled={disabled}>
          {label}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {FORMATS.map((format) => {
          const { name, use } = texts.export.format[format];
          const Icon = ICONS[format];
          const content = (
            <span className="stack">
              <span>{name}</span>
              <span className="small soft">{use}</span>
            </span>
          );
          return follow ? (
            <Menu.Item key={format} leftSection={<Icon size={18} stroke={1.5} />} onClick={() => startExport({ title, path, query, format })}>
              {content}
            </Menu.Item>
          ) : (
            <Menu.Item key={format} leftSection={<Icon size={18} stroke={1.5} />} component="a" href={exportLink(path, query, format)} download>
              {content}
            </Menu.Item>
          );
        })}
      </Menu.Dropdown>
    </Menu>
  );
};
