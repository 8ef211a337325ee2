import type { UserRef } from "../api/types";
import { texts } from "../texts";
import { nameOf } from "./names";

/** A person: name, and the user name where it differs. */
export const Person = ({ user, wide = false }: { user: UserRef | null; wide?: boolean }) => {
  if (user === null) return <span className="soft">{texts.common.nobody}</span>;
  const name = nameOf(user);
  return (
    <span className="nowrap" title={user.user_name}>
      {name}
      {wide && name !== user.user_name && <span className="soft"> {user.user_name}</span>}
    </span>
  );
};
