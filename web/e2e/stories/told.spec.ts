/** Who is told about a session: shown with it, tried again, given up, and sent in the end. */
import { expectAccessible } from "../support/accessibility.ts";
import { expect, test as base } from "../support/chaperone.ts";
import { Console } from "../support/console.ts";
import { MailServer } from "../support/mail-server.ts";
import { freePort } from "../support/program.ts";
import { request, targetNamed } from "../support/sessions.ts";

/** A Chaperone whose mail server is still to be started. */
const test = base.extend<{ mailPort: number }>({
  // eslint-disable-next-line no-empty-pattern -- Playwright reads the names of fixtures from the pattern
  mailPort: async ({}, use) => await use(await freePort()),
  chaperoneArguments: async ({ mailPort }, use) => await use(["--mail-server", `127.0.0.1:${mailPort}`]),
});

test("mails that could not be sent stand with the session and go when they are tried again", async ({ browser, chaperone, mailPort }) => {
  const [scheduler, approver] = chaperone.administrators;
  const { items } = await chaperone.api(scheduler).get<{ items: { id: string; user_name: string }[] }>("/users");
  const refused = items.find((user) => user.user_name === scheduler.user_name);
  await chaperone.api(approver).call("PATCH", `/users/${refused?.id}`, { email: "refused@larkfell.example" });
  const session = await request(chaperone, await targetNamed(chaperone, "erp"));

  const bert = await Console.signIn(browser, chaperone, approver);
  await bert.open(session.id);
  const told = bert.page.getByRole("region", { name: "Who was told" });
  const line = (name: string) => told.getByRole("listitem").filter({ hasNot: bert.page.getByRole("list"), hasText: name });
  for (const name of ["Anna Berg", "Bert Olsen", "Paula Reyes"]) {
    await expect(line(name)).toContainText("being tried again");
    await expect(line(name)).toContainText("The mail server 127.0.0.1 cannot be reached.");
  }
  await expect(told).toContainText("To approve");
  await expectAccessible(bert.page);

  const auditor = await Console.signIn(browser, chaperone, chaperone.auditor);
  await auditor.open(session.id);
  const seen = auditor.page.getByRole("region", { name: "Who was told" });
  await expect(seen).toContainText("cannot be reached");
  await expect(seen.getByRole("button"), "trying again is for administrators").toHaveCount(0);

  const server = await MailServer.start(mailPort);
  try {
    await line("Paula Reyes").getByRole("button", { name: "Try again" }).click();
    // All pages follow without reloading: the others are tried again by themselves.
    for (const name of ["Bert Olsen", "Paula Reyes"]) await expect(line(name)).toContainText("sent", { timeout: 30_000 });
    await expect(line("Anna Berg")).toContainText("given up", { timeout: 30_000 });
    await expect(line("Anna Berg")).toContainText("The mail server 127.0.0.1 refuses the mail (550).");
    await expect(seen).toContainText("given up");
    const toPaula = server.taken.filter(({ to }) => to === "paula@larkfell.example");
    expect(toPaula.map(({ text }) => /^Subject: (.*)$/mu.exec(text)?.[1])).toEqual(["To approve: erp-admin for Paula Reyes (paula)"]);
    expect(toPaula[0]?.text).toContain(`${chaperone.consoleUrl}/privileged-sessions/${session.id}`);

    // The address is mended, and what was given up goes too.
    await chaperone.api(approver).call("PATCH", `/users/${refused?.id}`, { email: "anna@larkfell.example" });
    await bert.act("Approve");
    const started = told.getByRole("listitem").filter({ has: bert.page.getByText("Started", { exact: true }) });
    await expect(started.getByText("sent")).toHaveCount(3, { timeout: 30_000 });
    await expectAccessible(bert.page);
  } finally {
    await server.stop();
  }
});
