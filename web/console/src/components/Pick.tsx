import { Select } from "@mantine/core";

import { texts } from "../texts";

/** As many as a list offers at once; more are found by typing. */
const OFFERED = 50;

interface Props {
  /** What is chosen; said to those who do not see the placeholder. */
  label: string;
  /** What is meant when nothing is chosen. */
  any: string;
  value: string | null;
  onChange: (value: string | null) => void;
  data: readonly { value: string; label: string }[];
  className?: string | undefined;
}

/** A filter: one of a list, or any. */
export const Pick = ({ label, any, value, onChange, data, className }: Props) => (
  <Select searchable clearable limit={OFFERED} aria-label={label} placeholder={any} value={value} onChange={onChange} data={[...data]} className={className ?? ""} nothingFoundMessage={texts.common.none} />
);

/** Things with a name, as a list takes them. */
export const named = (items: readonly { id: string; name: string }[] | undefined): { value: string; label: string }[] => (items ?? []).map(({ id, name }) => ({ value: id, label: name }));
