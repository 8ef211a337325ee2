import { Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";

import * as queries from "../api/queries";
import { texts } from "../texts";
import { nameOf } from "./names";

/** As many as are drawn at once; more are found by typing. */
const DRAWN = 50;

interface Props {
  label: string;
  description: string;
  value: string | null;
  error: string | undefined;
  focused?: boolean;
  onChange: (id: string | null) => void;
}

/** Choosing a user by name or user name, or nobody. */
export const UserPicker = ({ label, description, value, error, focused = false, onChange }: Props) => {
  const users = useQuery(queries.users());
  const byId = new Map((users.data ?? []).map((user) => [user.id, user]));
  return (
    <Select
      label={label}
      description={description}
      placeholder={texts.common.noOwner}
      searchable
      clearable
      limit={DRAWN}
      value={value}
      error={error}
      data-autofocus={focused || undefined}
      data={(users.data ?? []).map((user) => ({ value: user.id, label: user.display_name && user.display_name !== user.user_name ? `${nameOf(user)} (${user.user_name})` : nameOf(user), disabled: !user.active && user.id !== value }))}
      nothingFoundMessage={texts.common.none}
      onChange={onChange}
      renderOption={({ option }) => {
        const user = byId.get(option.value);
        return user ? (
          <span className="stack">
            <span>{nameOf(user)}</span>
            <span className="small soft">{[user.user_name, user.email ?? "", ...(user.active ? [] : [texts.users.inactive])].filter((word) => word !== "").join(" · ")}</span>
          </span>
        ) : option.label;
      }}
    />
  );
};
