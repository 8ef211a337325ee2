import { createContext, useContext } from "react";

import type { Me } from "../api/types";

export const MeContext = createContext<Me | null>(null);

/** Who is signed in. Only pages inside the shell ask, and there somebody is. */
export const useMe = (): Me => {
  const me = useContext(MeContext);
  if (me === null) throw new Error("useMe outside the shell");
  return me;
};
