import assert from "node:assert/strict";
import { test } from "node:test";
import { percent } from "../src/format";

test("a share is shown as a percentage and an absent one as a dash", () => {
    assert.equal(percent(0.9012), "90.1 %");
    assert.equal(percent(null), "–");
});
