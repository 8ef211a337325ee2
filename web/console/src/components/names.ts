import type { UserRef } from "../api/types";

/** How a person is called: the name where there is one. */
export const nameOf = (user: UserRef): string => user.display_name || user.user_name;
