const ID = /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g;

/** The ids that a sentence names, each once, in their order. */
export const idsIn = (sentence: string): string[] => [...new Set(sentence.match(ID) ?? [])];
