import { assert, assertEquals } from "@std/assert";
import type { FriendAction } from "../../../src/chat/store/mod.ts";
import { changeRelation, type Relation } from "../../../src/chat/store/relation.ts";
import { test } from "../../testing.ts";

const ACTIONS: readonly FriendAction[] = ["request", "accept", "remove", "block", "unblock"];

/** The relations that make sense, as mine and theirs. */
const SENSIBLE = new Set([
  "none none",
  "outgoing incoming",
  "incoming outgoing",
  "friend friend",
  "blocked none",
  "none blocked",
  "blocked blocked",
]);

function nameOf({ mine, theirs }: Relation): string {
  return `${mine ?? "none"} ${theirs ?? "none"}`;
}

function turned({ mine, theirs }: Relation): Relation {
  return { mine: theirs, theirs: mine };
}

/** Every relation that two can get into, by its name. */
function reachable(): ReadonlyMap<string, Relation> {
  const found = new Map<string, Relation>();
  const open: Relation[] = [{ mine: undefined, theirs: undefined }];
  for (let relation = open.pop(); relation; relation = open.pop()) {
    if (found.has(nameOf(relation))) continue;
    found.set(nameOf(relation), relation);
    open.push(turned(relation));
    for (const action of ACTIONS) {
      const change = changeRelation(relation, action);
      if (typeof change !== "string") open.push(change.relation);
    }
  }
  return found;
}

test("changeRelation() gets two into every relation that makes sense, and into no other", () => {
  assertEquals(new Set(reachable().keys()), SENSIBLE);
});

test("changeRelation() changes nothing and tells nobody when something is done again", () => {
  for (const relation of reachable().values())
    for (const action of ACTIONS) {
      const change = changeRelation(relation, action);
      if (typeof change === "string") continue;
      const again = changeRelation(change.relation, action);
      assert(typeof again !== "string", `${nameOf(relation)} ${action}`);
      assertEquals([nameOf(again.relation), again.told], [nameOf(change.relation), undefined]);
    }
});

test("changeRelation() leaves the other one's block alone, whatever is done", () => {
  for (const relation of reachable().values())
    for (const action of ACTIONS) {
      const change = changeRelation(relation, action);
      const after = typeof change === "string" ? relation : change.relation;
      assertEquals(
        after.theirs === "blocked",
        relation.theirs === "blocked",
        `${nameOf(relation)} ${action}`,
      );
    }
});

test("changeRelation() tells the other one only of what they see in their own list", () => {
  for (const relation of reachable().values())
    for (const action of ACTIONS) {
      const change = changeRelation(relation, action);
      if (typeof change === "string" || change.told === undefined) continue;
      assert(change.relation.theirs !== relation.theirs, `${nameOf(relation)} ${action}`);
    }
});
