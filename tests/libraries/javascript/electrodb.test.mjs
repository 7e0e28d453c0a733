// ElectroDB: several entities in one table, collections over them, and composite keys it writes itself.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  CreateTableCommand,
  DeleteTableCommand,
  DynamoDBClient,
  waitUntilTableExists,
} from "@aws-sdk/client-dynamodb";
import { Entity, Service } from "electrodb";

const client = new DynamoDBClient({});
const table = "electro";
const key = (AttributeName, KeyType) => ({ AttributeName, KeyType });

const Employee = new Entity(
  {
    model: { entity: "employee", version: "1", service: "work" },
    attributes: {
      employee: { type: "string" },
      team: { type: "string", required: true },
      name: { type: "string", required: true },
      level: { type: ["junior", "senior"], required: true },
      salary: { type: "number", default: 0 },
      skills: { type: "set", items: "string" },
      notes: { type: "list", items: { type: "string" } },
      address: { type: "map", properties: { city: { type: "string" }, zip: { type: "number" } } },
      updated: { type: "number", watch: "*", set: () => 7, readOnly: false },
    },
    indexes: {
      employee: { pk: { field: "pk", composite: ["employee"] }, sk: { field: "sk", composite: [] } },
      teams: {
        collection: "teamwork",
        index: "gsi1",
        pk: { field: "gsi1pk", composite: ["team"] },
        sk: { field: "gsi1sk", composite: ["level", "employee"] },
      },
    },
  },
  { client, table },
);
const Task = new Entity(
  {
    model: { entity: "task", version: "1", service: "work" },
    attributes: {
      task: { type: "string" },
      team: { type: "string", required: true },
      points: { type: "number", default: 1 },
    },
    indexes: {
      task: { pk: { field: "pk", composite: ["task"] }, sk: { field: "sk", composite: [] } },
      teams: {
        collection: "teamwork",
        index: "gsi1",
        pk: { field: "gsi1pk", composite: ["team"] },
        sk: { field: "gsi1sk", composite: ["task"] },
      },
    },
  },
  { client, table },
);
const work = new Service({ Employee, Task });
const employee = (number) => ({
  employee: `e${String(number).padStart(2, "0")}`,
  team: number % 2 ? "red" : "blue",
  name: `Name ${number}`,
  level: number % 3 ? "junior" : "senior",
  salary: number * 100,
});

before(async () => {
  await client.send(
    new CreateTableCommand({
      TableName: table,
      AttributeDefinitions: ["pk", "sk", "gsi1pk", "gsi1sk"].map((AttributeName) => ({ AttributeName, AttributeType: "S" })),
      KeySchema: [key("pk", "HASH"), key("sk", "RANGE")],
      GlobalSecondaryIndexes: [
        {
          IndexName: "gsi1",
          KeySchema: [key("gsi1pk", "HASH"), key("gsi1sk", "RANGE")],
          Projection: { ProjectionType: "ALL" },
        },
      ],
      BillingMode: "PAY_PER_REQUEST",
    }),
  );
  await waitUntilTableExists({ client, minDelay: 1, maxWaitTime: 20 }, { TableName: table });
  const { unprocessed } = await Employee.put(Array.from({ length: 30 }, (_, at) => employee(at))).go();
  assert.deepEqual(unprocessed, []);
  await Task.put([{ task: "t1", team: "red" }, { task: "t2", team: "red", points: 5 }]).go();
});

after(async () => {
  await client.send(new DeleteTableCommand({ TableName: table }));
  client.destroy();
});

test("create only once", async () => {
  const ada = { ...employee(90), skills: ["x", "y"], notes: ["n"], address: { city: "Ulm", zip: 1 } };
  const { data } = await Employee.create(ada).go();
  assert.equal(data.updated, 7);
  assert.deepEqual((await Employee.get({ employee: "e90" }).go({ consistent: true })).data, { ...ada, updated: 7 });
  await assert.rejects(Employee.create(ada).go(), (error) => {
    assert.equal(error.isElectroError, true);
    assert.equal(error.cause.name, "ConditionalCheckFailedException");
    return true;
  });
  await Employee.remove({ employee: "e90" }).go();
  await assert.rejects(Employee.remove({ employee: "e90" }).go());
  assert.equal((await Employee.delete({ employee: "e90" }).go({ response: "all_old" })).data, null);
});

test("queries follow the composite keys", async () => {
  const seniors = await Employee.query.teams({ team: "red", level: "senior" }).go({ pages: "all" });
  assert.deepEqual(seniors.data.map((each) => each.employee), ["e03", "e09", "e15", "e21", "e27"]);
  const first = await Employee.query.teams({ team: "blue" }).go({ limit: 4, order: "desc" });
  assert.equal(first.data.length, 4);
  assert.ok(first.cursor);
  const rest = await Employee.query.teams({ team: "blue" }).go({ cursor: first.cursor, order: "desc", pages: "all" });
  assert.equal(first.data.length + rest.data.length, 15);
  assert.equal(rest.cursor, null);
  const between = await Employee.query
    .teams({ team: "red", level: "junior" })
    .between({ employee: "e05" }, { employee: "e11" })
    .where(({ salary }, { gt }) => gt(salary, 500))
    .go();
  assert.deepEqual(between.data.map((each) => each.employee), ["e07", "e11"]);
});

test("a collection brings the kinds together", async () => {
  const { data } = await work.collections.teamwork({ team: "red" }).go({ pages: "all" });
  assert.equal(data.Employee.length, 15);
  assert.deepEqual(data.Task, [{ task: "t1", team: "red", points: 1 }, { task: "t2", team: "red", points: 5 }]);
});

test("updates, patches and upserts", async () => {
  const { data } = await Employee.patch({ employee: "e01" })
    .set({ name: "New" })
    .add({ salary: 50, skills: ["a"] })
    .append({ notes: ["n1", "n2"] })
    .where(({ salary }, { lt }) => lt(salary, 1000))
    .go({ response: "all_new" });
  assert.equal(data.salary, 150);
  assert.deepEqual([data.name, data.skills, data.notes], ["New", ["a"], ["n1", "n2"]]);
  await Employee.update({ employee: "e01" }).data((a, o) => {
    o.remove(a.notes[0]);
    o.subtract(a.salary, 25);
    o.set(a.address, { city: "Rom" });
    o.delete(a.skills, ["a"]);
  }).go();
  const { data: found } = await Employee.get({ employee: "e01" }).go();
  assert.deepEqual([found.salary, found.notes, found.address, found.skills], [125, ["n2"], { city: "Rom" }, undefined]);
  await assert.rejects(Employee.patch({ employee: "none" }).set({ name: "x" }).go());
  const { data: made } = await Task.upsert({ task: "t9", team: "green", points: 3 }).go({ response: "all_new" });
  assert.equal(made.points, 3);
});

test("scans, batches and projections", async () => {
  const { data } = await Employee.scan.where(({ level }, { eq }) => eq(level, "senior")).go({ pages: "all" });
  assert.equal(data.length, 10);
  const keys = Array.from({ length: 30 }, (_, at) => ({ employee: employee(at).employee }));
  const got = await Employee.get([...keys, { employee: "none" }]).go({ attributes: ["employee"], preserveBatchOrder: true });
  assert.deepEqual(got.data.slice(0, 30).map((each) => each.employee), keys.map((each) => each.employee));
  assert.equal(got.data[30], null);
});

test("transactions", async () => {
  const written = await work.transaction
    .write(({ Employee: e, Task: t }) => [
      e.create(employee(50)).commit(),
      t.patch({ task: "t1" }).set({ points: 8 }).commit(),
      t.check({ task: "t2" }).where(({ points }, { eq }) => eq(points, 5)).commit(),
    ])
    .go();
  assert.equal(written.canceled, false);
  const canceled = await work.transaction
    .write(({ Employee: e, Task: t }) => [
      t.patch({ task: "t1" }).set({ points: 1 }).commit({ response: "all_old" }),
      e.create(employee(50)).commit({ response: "all_old" }),
    ])
    .go();
  assert.equal(canceled.canceled, true);
  assert.deepEqual(canceled.data.map((each) => each.code), ["None", "ConditionalCheckFailed"]);
  assert.equal(canceled.data[1].item.employee, "e50");
  const read = await work.transaction
    .get(({ Employee: e, Task: t }) => [t.get({ task: "t1" }).commit(), e.get({ employee: "e50" }).commit()])
    .go();
  assert.deepEqual([read.data[0].item.points, read.data[1].item.name], [8, "Name 50"]);
});
