/** The browser and system in a user agent, as people call them; the whole text is kept where it matters. */
const BROWSERS: readonly [RegExp, string][] = [[/Edg\/(\d+)/, "Edge"], [/OPR\/(\d+)/, "Opera"], [/Firefox\/(\d+)/, "Firefox"], [/Chrome\/(\d+)/, "Chrome"], [/Version\/(\d+).*Safari/, "Safari"]];
const SYSTEMS: readonly [RegExp, string][] = [[/iPhone|iPad/, "iOS"], [/Android/, "Android"], [/Windows/, "Windows"], [/Mac OS X/, "macOS"], [/CrOS/, "ChromeOS"], [/Linux/, "Linux"]];

export const agentName = (agent: string | null): string => {
  if (!agent) return "–";
  const browser = BROWSERS.map(([pattern, name]) => [pattern.exec(agent)?.[1], name] as const).find(([version]) => version !== undefined);
  const system = SYSTEMS.find(([pattern]) => pattern.test(agent))?.[1];
  if (!browser) return agent.split(" ")[0] ?? agent;
  return `${browser[1]} ${browser[0] ?? ""}${system === undefined ? "" : `, ${system}`}`;
};
