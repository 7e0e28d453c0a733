// Dynamoose: models that make their own tables, documents with schemas, conditions, and everything queries can be told.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import dynamoose from "dynamoose";

const client = new dynamoose.aws.ddb.DynamoDB({});
dynamoose.aws.ddb.set(client);

const Book = dynamoose.model(
  "Book",
  new dynamoose.Schema(
    {
      shelf: { type: String, hashKey: true },
      number: { type: Number, rangeKey: true },
      author: { type: String, index: { name: "by-author", type: "global", rangeKey: "number" } },
      pages: { type: Number, default: 100, index: { name: "by-pages", type: "local" } },
      kinds: { type: Set, schema: [String] },
      notes: { type: Array, schema: [String] },
      printer: { type: Object, schema: { city: String, year: Number } },
      printed: Date,
      cover: Buffer,
      lent: { type: Boolean, required: false },
    },
    { timestamps: true, saveUnknown: ["free.**"] },
  ),
);
const Ticket = dynamoose.model("Ticket", new dynamoose.Schema({ id: String, used: Number }));
const library = new dynamoose.Table("library", [Book], {
  initialize: false,
  waitForActive: { enabled: true, check: { timeout: 20_000, frequency: 100 } },
  throughput: "ON_DEMAND",
  expires: { ttl: 3_600_000, attribute: "expires" },
  tags: { team: "reading" },
});
const tickets = new dynamoose.Table("tickets", [Ticket], { initialize: false, throughput: { read: 5, write: 5 } });

before(async () => {
  await library.initialize();
  await tickets.initialize();
  const books = Array.from({ length: 40 }, (_, number) => ({
    shelf: `s${number % 2}`,
    number,
    author: `a${number % 3}`,
    pages: 400 - number,
  }));
  for (let start = 0; start < 40; start += 25) {
    const { unprocessedItems } = await Book.batchPut(books.slice(start, start + 25));
    assert.deepEqual(unprocessedItems, []);
  }
});

after(async () => {
  for (const name of ["library", "tickets"]) await client.deleteTable({ TableName: name });
  client.destroy();
});

test("tables are made of schemas", async () => {
  const { Table } = await client.describeTable({ TableName: "library" });
  assert.equal(Table.BillingModeSummary.BillingMode, "PAY_PER_REQUEST");
  assert.deepEqual(Table.GlobalSecondaryIndexes.map((index) => index.IndexName), ["by-author"]);
  assert.deepEqual(Table.LocalSecondaryIndexes.map((index) => index.IndexName), ["by-pages"]);
  const { TimeToLiveDescription } = await client.describeTimeToLive({ TableName: "library" });
  assert.equal(TimeToLiveDescription.AttributeName, "expires");
  const { Tags } = await client.listTagsOfResource({ ResourceArn: Table.TableArn });
  assert.deepEqual(Tags, [{ Key: "team", Value: "reading" }]);
  const other = (await client.describeTable({ TableName: "tickets" })).Table.ProvisionedThroughput;
  assert.deepEqual([other.ReadCapacityUnits, other.WriteCapacityUnits], [5, 5]);
});

test("documents come back", async () => {
  const full = {
    shelf: "new",
    number: 1,
    author: "é☃",
    pages: 1.5,
    kinds: new Set(["x", "y"]),
    notes: ["n", ""],
    printer: { city: "Mainz", year: 1455 },
    printed: new Date(1_700_000_000_000),
    cover: Buffer.from([0, 255]),
    lent: false,
    free: { any: [1, { thing: null }] },
  };
  const made = await Book.create(full);
  assert.ok(Math.abs(Date.now() - Number(made.createdAt)) < 60_000);
  const found = await Book.get({ shelf: "new", number: 1 }, { consistent: true });
  for (const name of ["author", "pages", "kinds", "notes", "printer", "printed", "lent"]) assert.deepEqual(found[name], full[name]);
  assert.deepEqual(Buffer.from(found.cover), full.cover);
  await assert.rejects(Book.create({ shelf: "new", number: 1 }), { name: "ConditionalCheckFailedException" });
  assert.equal((await Book.create({ shelf: "new", number: 1 }, { overwrite: true })).pages, 100);
  const part = await Book.get({ shelf: "new", number: 1 }, { attributes: ["pages"] });
  assert.deepEqual([part.pages, part.author], [100, undefined]);
  found.author = "changed";
  await found.save({ condition: new dynamoose.Condition().where("pages").eq(100) });
  assert.equal((await Book.get({ shelf: "new", number: 1 })).author, "changed");
  await assert.rejects(found.save({ condition: new dynamoose.Condition("pages").eq(100) }), {
    name: "ConditionalCheckFailedException",
  });
  await found.delete();
  assert.equal(await Book.get({ shelf: "new", number: 1 }), undefined);
});

test("updates", async () => {
  const key = { shelf: "s0", number: 0 };
  await Book.update(key, { $SET: { author: "set", notes: ["a"], kinds: new Set(["x"]) } });
  const changed = await Book.update(
    key,
    { $ADD: { pages: 5, kinds: new Set(["z"]), notes: ["b"] }, $REMOVE: ["lent"] },
    { condition: new dynamoose.Condition("author").eq("set"), return: "item" },
  );
  assert.deepEqual([changed.pages, changed.notes, changed.kinds], [405, ["a", "b"], new Set(["x", "z"])]);
  await Book.update(key, { $DELETE: { kinds: new Set(["x"]) } });
  assert.deepEqual((await Book.get(key)).kinds, new Set(["z"]));
  await assert.rejects(
    Book.update(key, { pages: 1 }, { condition: new dynamoose.Condition("author").not().exists() }),
    { name: "ConditionalCheckFailedException" },
  );
  await Book.update(key, { author: "a0", pages: 400 });
});

test("queries", async () => {
  const numbers = (found) => found.map((each) => each.number);
  const shelf = (name) => Book.query("shelf").eq(name);
  assert.deepEqual(numbers(await shelf("s0").where("number").between(4, 10).exec()), [4, 6, 8, 10]);
  assert.deepEqual(numbers(await shelf("s1").where("number").lt(6).sort("descending").exec()), [5, 3, 1]);
  assert.deepEqual(numbers(await shelf("s1").where("number").ge(37).exec()), [37, 39]);
  assert.deepEqual(
    numbers(await Book.query("author").eq("a1").where("number").gt(30).using("by-author").exec()),
    [31, 34, 37],
  );
  assert.deepEqual(numbers(await shelf("s0").where("pages").le(364).using("by-pages").exec()), [38, 36]);
  const filtered = await shelf("s0")
    .filter("author").in(["a0", "a2"])
    .and().parenthesis((condition) => condition.where("pages").gt(390).or().where("pages").lt(370))
    .exec();
  assert.deepEqual(numbers(filtered), [0, 2, 6, 8, 32, 36, 38].filter((each) => [0, 2].includes(each % 3)));
  const first = await shelf("s0").limit(15).exec();
  assert.deepEqual([first.length, first.lastKey.number], [15, 28]);
  const rest = await shelf("s0").startAt(first.lastKey).exec();
  assert.equal(rest.length, 5);
  assert.equal((await shelf("s0").count().exec()).count, 20);
  assert.equal((await shelf("s0").limit(3).all().exec()).length, 20);
});

test("scans", async () => {
  assert.equal((await Book.scan().exec()).length, 40);
  assert.equal((await Book.scan("author").beginsWith("a").filter("pages").between(381, 400).all().exec()).length, 20);
  assert.equal((await Book.scan().parallel(3).exec()).length, 40);
  assert.equal((await Book.scan("kinds").exists().exec()).length, 1);
  assert.deepEqual((await Book.scan().attributes(["number"]).limit(1).exec()).toJSON().map(Object.keys), [["number"]]);
});

test("batches and transactions", async () => {
  const keys = Array.from({ length: 30 }, (_, number) => ({ shelf: `s${number % 2}`, number }));
  const found = await Book.batchGet([...keys, { shelf: "none", number: 1 }]);
  assert.equal(found.length, 30);
  assert.deepEqual(found.unprocessedKeys, []);
  await Ticket.create({ id: "one", used: 0 });
  await dynamoose.transaction([
    Ticket.transaction.update({ id: "one" }, { $ADD: { used: 1 } }),
    Ticket.transaction.create({ id: "two", used: 0 }),
    Book.transaction.condition({ shelf: "s0", number: 2 }, new dynamoose.Condition("author").eq("a2")),
    Book.transaction.delete({ shelf: "none", number: 1 }),
  ]);
  const [one, two] = await dynamoose.transaction([Ticket.transaction.get("one"), Ticket.transaction.get("two")]);
  assert.deepEqual([one.used, two.used], [1, 0]);
  const canceled = dynamoose.transaction([
    Ticket.transaction.update({ id: "one" }, { $ADD: { used: 1 } }),
    Ticket.transaction.create({ id: "two", used: 5 }),
  ]);
  await assert.rejects(canceled, (error) => {
    assert.equal(error.name, "TransactionCanceledException");
    assert.deepEqual(error.CancellationReasons.map((reason) => reason.Code), ["None", "ConditionalCheckFailed"]);
    return true;
  });
  const { unprocessedItems } = await Ticket.batchDelete(["one", "two"]);
  assert.deepEqual(unprocessedItems, []);
  assert.equal((await Ticket.scan().exec()).length, 0);
});
