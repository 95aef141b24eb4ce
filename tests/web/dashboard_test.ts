import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { AdminToken, type BackendView, type HealthReport } from "../../src/admin/mod.ts";
import { startWith, urlOf } from "../admin/requests.ts";
import { getJson, type RuntimeName, startProgram } from "../cli/program.ts";
import { temporaryFolder } from "../helpers.ts";
import { test } from "../testing.ts";
import { backends, busy, fastClock, Looks } from "./busy_control.ts";
import { IN_BROWSER } from "./chromium.ts";
import { OpenPage } from "./windows.ts";

/** What a page holds between two updates: in the middle of one it is half a megabyte more, so the least of several is taken. */
async function leastHeld(
  opened: OpenPage,
  looks: Looks,
): Promise<{ readonly heapBytes: number; readonly nodes: number }> {
  const held: Readonly<Record<string, number>>[] = [];
  for (let turn = 0; turn < 10; turn++) {
    await looks.reach(looks.count + 7);
    held.push(await opened.metrics());
  }
  const least = (name: string): number => Math.min(...held.map((metrics) => metrics[name] ?? 0));
  return { heapBytes: least("JSHeapUsedSize"), nodes: least("Nodes") };
}

/** The state of a backend as the API has it. */
async function stateOf(admin: string | undefined, name: string): Promise<unknown> {
  const { pools } = (await getJson(admin, "/api/pools")) as { pools: { backends: BackendView[] }[] };
  return pools[0]?.backends.find((one) => one.name === name)?.state;
}

/** A thousand updates that leave 200 bytes each are more. */
const MOST_GROWN_BYTES = 200_000;

const RUNTIMES: readonly RuntimeName[] = ["node", "bun", "deno"];

for (const runtime of RUNTIMES)
  test(
    `a backend of a real up on ${runtime} is drained from the dashboard once it is confirmed, and undrained`,
    IN_BROWSER,
    async () => {
      const args = [
        "--listen",
        "127.0.0.1:0",
        "--admin",
        "127.0.0.1:0",
        "--data",
        ":memory:",
        "--servers",
        "2",
      ];
      await using program = startProgram(["up", ...args], { runtime });
      const { admin } = await program.ready();
      await using opened = await OpenPage.at(`http://${admin}/`);
      const { page } = opened;
      const row = page.locator("tr[data-backend]").first();
      await row.getByText("up", { exact: true }).waitFor();
      const name = (await row.getAttribute("data-backend")) ?? "";
      // On a busy machine one may come too late.
      assertMatch(
        (await row.getByRole("img").getAttribute("aria-label")) ?? "",
        /^(?:the last \d+ heartbeats? answered|1 of the last \d+ heartbeats missed)$/,
      );
      await row.getByRole("button", { name: `drain ${name}` }).click();
      await page.getByRole("button", { name: "Cancel" }).click();
      assertEquals([await page.getByRole("dialog").count(), await stateOf(admin, name)], [0, "up"]);
      await row.getByRole("button", { name: `drain ${name}` }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Drain", exact: true }).click();
      await row.getByText("draining").waitFor();
      await page.getByText(`${name} drains`, { exact: true }).waitFor();
      assertEquals(await stateOf(admin, name), "draining");
      await row.getByRole("button", { name: `undrain ${name}` }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Undrain" }).click();
      await row.getByText("up", { exact: true }).waitFor();
      await page.getByRole("heading", { name: "Chat servers" }).waitFor();
      // No byte passes through the balancer, and nothing is shown that would be 0 for ever.
      assertEquals(await page.locator("figure.chart figcaption span").allTextContents(), [
        "Connections",
        "Waiting clients",
        "Sessions",
        "Messages stored",
      ]);
      assertEquals(await row.getByTitle("Its connections are handed over").textContent(), "–");
      assertEquals(opened.complaints, []);
    },
  );

test(
  "a weight is changed and a backend added from the dashboard; what is refused is said where it was asked",
  IN_BROWSER,
  async () => {
    const args = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--policy", "weighted"];
    await using program = startProgram([
      "balance",
      ...args,
      "--backend",
      "127.0.0.1:9",
      "--heartbeat",
      "none",
    ]);
    const { admin } = await program.ready();
    await using opened = await OpenPage.at(`http://${admin}/`);
    const { page } = opened;
    const dialog = page.getByRole("dialog");
    await page.getByRole("button", { name: "change the weight of 127.0.0.1:9" }).click();
    await dialog.getByLabel("Weight").fill("7");
    await page.keyboard.press("Enter");
    await page.getByText("127.0.0.1:9 has weight 7").waitFor();
    await page.getByRole("button", { name: "add a backend to default" }).click();
    await dialog.getByLabel("Address").fill("nowhere");
    await dialog.getByRole("button", { name: "Add" }).click();
    await dialog.getByText("address is").waitFor();
    await dialog.getByLabel("Address").fill("127.0.0.1:10");
    await dialog.getByRole("button", { name: "Add" }).click();
    await page.locator('tr[data-backend="127.0.0.1:10"]').waitFor();
    const { pools } = (await getJson(admin, "/api/pools")) as { pools: { backends: BackendView[] }[] };
    assertEquals(
      pools[0]?.backends.map(({ name, weight }) => [name, weight]),
      [
        ["127.0.0.1:9", 7],
        ["127.0.0.1:10", 1],
      ],
    );
  },
);

test(
  "the dashboard asks for the token once, says when it is wrong, and keeps it with the tab",
  IN_BROWSER,
  async () => {
    using folder = temporaryFolder();
    const file = join(folder.path, "token");
    const secret = "a-token-of-the-operators";
    writeFileSync(file, secret, { mode: 0o600 });
    const token = AdminToken.open(file);
    if (typeof token === "string") throw new Error(token);
    await using admin = await startWith(busy(backends(2)), { token });
    await using opened = await OpenPage.at(urlOf(admin, "/"));
    const { page } = opened;
    await page.getByLabel("The token").fill("not-the-token-at-all");
    await page.keyboard.press("Enter");
    await page.getByText("This token is not the right one.").waitFor();
    await page.getByLabel("The token").fill(secret);
    await page.keyboard.press("Enter");
    await page.getByText("live", { exact: true }).waitFor();
    await page.reload();
    await page.getByText("live", { exact: true }).waitFor();
    assert(!opened.requests.some((url) => url.includes(secret)), "the token was in an address");
  },
);

test(
  "names and errors are shown as text, nothing comes from elsewhere, and the policy of the page is kept",
  IN_BROWSER,
  async () => {
    const evil = "<img src=x onerror=alert(1)>";
    const all = [
      { ...backends(1)[0], name: evil, lastError: `<script>alert(2)</script>`, state: "down" } as BackendView,
    ];
    await using admin = await startWith(busy(all));
    await using opened = await OpenPage.at(urlOf(admin, "/"));
    const { page } = opened;
    await page.getByText("<script>alert(2)</script>").waitFor();
    assertEquals(await page.locator("main img, main script").count(), 0);
    await page.getByRole("button", { name: `drain ${evil}` }).click();
    await page.getByRole("heading", { name: `Drain ${evil}?` }).waitFor();
    assertEquals(await page.title(), "(1 down) Chorus");
    assertEquals(opened.complaints, []);
    assertEquals(new Set(opened.requests.map((url) => new URL(url).origin)), new Set([urlOf(admin)]));
  },
);

test("the dashboard says that the store cannot be reached, and no more once it can", IN_BROWSER, async () => {
  const health = { healthy: true, role: "up" };
  let now: HealthReport = { ...health, store: "unreachable", setAside: 3 };
  await using admin = await startWith({ ...busy(backends(2)), health: () => now });
  await using opened = await OpenPage.at(urlOf(admin, "/"));
  const { page } = opened;
  await page.getByText("deliveries set aside: 3", { exact: true }).waitFor();
  const away = page.getByText("the store cannot be reached", { exact: true });
  await away.waitFor();
  now = health;
  await away.waitFor({ state: "detached" });
  await page.getByText("healthy", { exact: true }).waitFor();
});

test(
  "everything can be done by keyboard, and a dialog that is left gives the focus back",
  IN_BROWSER,
  async () => {
    await using admin = await startWith({ ...busy(backends(3)), addBackend: () => ({ ok: true }) });
    await using opened = await OpenPage.at(urlOf(admin, "/"));
    const { page } = opened;
    const add = page.getByRole("button", { name: "add a backend to p" });
    await add.focus();
    await page.keyboard.press("Enter");
    await page.getByRole("dialog", { name: "Add a backend to p" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    assert(await add.evaluate((element) => element === document.activeElement), "the focus went elsewhere");
    const region = page.getByRole("region", { name: "Rows of backends" });
    await page.getByLabel("State").focus();
    await page.keyboard.press("Tab");
    assert(
      await region.evaluate((element) => element === document.activeElement),
      "the rows cannot be scrolled",
    );
  },
);

test(
  "of 1,000 backends a window is drawn, which scrolls, finds and sorts, in little time",
  IN_BROWSER,
  async () => {
    const looks = new Looks(backends(1000));
    await using admin = await startWith(looks.control, { clock: fastClock(5) });
    await using opened = await OpenPage.at(urlOf(admin, "/"));
    const { page } = opened;
    const rows = page.locator("tr[data-backend]");
    await rows.first().waitFor();
    assert((await rows.count()) < 60, `${await rows.count()} rows`);
    const region = page.getByRole("region", { name: "Rows of backends" });
    await region.evaluate((element) => element.scrollTo(0, element.scrollHeight));
    await page.locator('tr[data-backend="10.0.3.231:6000"]').waitFor();
    await region.evaluate((element) => element.scrollTo(0, 0));
    await page.getByRole("button", { name: "Connections" }).click();
    await page.locator('tr[data-backend="10.0.3.231:6000"]').waitFor();
    await page.getByLabel("Find").fill("10.0.2.200");
    await page.getByText("1 of 1,000").waitFor();
    assertEquals(await rows.count(), 1);
    await page.getByLabel("Find").fill("");
    const before = await opened.metrics();
    const first = looks.count;
    await looks.reach(first + 5);
    const after = await opened.metrics();
    const scriptMs =
      (1000 * ((after.ScriptDuration ?? 0) - (before.ScriptDuration ?? 0))) / (looks.count - first);
    assert(scriptMs > 0 && scriptMs < 100, `an update took ${scriptMs} ms of script`);
  },
);

test("a page that has followed for long holds no more than one that has for a quarter of an hour", {
  ...IN_BROWSER,
  timeoutMs: 120_000,
}, async () => {
  const looks = new Looks(backends(20));
  await using admin = await startWith(looks.control, { clock: fastClock(200) });
  await using opened = await OpenPage.at(urlOf(admin, "/"));
  await opened.page.locator("tr[data-backend]").first().waitFor();
  await looks.reach(1000);
  const young = await leastHeld(opened, looks);
  assert(young.heapBytes > 500_000 && young.nodes > 500, "nothing was measured");
  // What an update left would be as much more each time; what the engine holds for itself, such as code that it has compiled anew, comes once, and goes.
  const grownBytes: number[] = [];
  let old = young;
  for (const updates of [2000, 3000, 4000]) {
    await looks.reach(updates);
    const before = old;
    old = await leastHeld(opened, looks);
    grownBytes.push(old.heapBytes - before.heapBytes);
    if (Math.min(...grownBytes) < MOST_GROWN_BYTES) break;
  }
  assert(
    Math.min(...grownBytes) < MOST_GROWN_BYTES,
    `the heap has grown by ${grownBytes} bytes with each thousand updates`,
  );
  assert(old.nodes <= young.nodes + 50, `${young.nodes} nodes became ${old.nodes}`);
});

test("a page whose server is gone says so, and follows again when it is back", IN_BROWSER, async () => {
  const first = await startWith(busy(backends(2)));
  await using opened = await OpenPage.at(urlOf(first, "/"));
  const { page } = opened;
  await page.getByText("live", { exact: true }).waitFor();
  await first.close();
  await page.getByText("not connected, trying again").waitFor();
  if (!("port" in first.address)) throw new Error("no TCP address");
  await using _second = await startWith(busy(backends(3)), { listen: first.address });
  await page.getByText("live", { exact: true }).waitFor();
  await page.getByRole("cell", { name: "3 of 3" }).waitFor();
  assertStringIncludes(await page.locator("h1").innerText(), "Chorus");
});
