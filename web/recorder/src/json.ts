/** JSON of what is sent, made before the page can change it. */
import { natives } from "./natives";

type Replace = (text: string) => string;

const PROTOTYPES = [Array.prototype, Object.prototype, String.prototype, Number.prototype] as object[];

/** `JSON.stringify`, unharmed by libraries that give arrays or texts a `toJSON` of their own. */
export const toJson = (value: unknown, replace?: Replace): string => {
  const put: [object, unknown][] = [];
  for (const prototype of PROTOTYPES) {
    const own = (prototype as { toJSON?: unknown }).toJSON;
    if (own !== undefined && Object.hasOwn(prototype, "toJSON")) {
      put.push([prototype, own]);
      delete (prototype as { toJSON?: unknown }).toJSON;
    }
  }
  try {
    return natives.stringify(
      value,
      replace && ((_key, part: unknown) => (typeof part === "string" ? replace(part) : part)),
    );
  } finally {
    for (const [prototype, own] of put) (prototype as { toJSON?: unknown }).toJSON = own;
  }
};
