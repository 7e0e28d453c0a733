// DynamoDB-Toolbox: schemas, parsed and formatted items, and its own actions on tables and entities.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  CreateTableCommand,
  DeleteTableCommand,
  DynamoDBClient,
  waitUntilTableExists,
} from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import {
  $add,
  $append,
  $delete,
  $remove,
  $set,
  $sum,
  BatchGetCommand,
  BatchGetRequest,
  BatchPutRequest,
  BatchWriteCommand,
  ConditionCheck,
  DeleteItemCommand,
  Entity,
  GetItemCommand,
  GetTransaction,
  PutItemCommand,
  PutTransaction,
  QueryCommand,
  ScanCommand,
  Table,
  UpdateAttributesCommand,
  UpdateItemCommand,
  UpdateTransaction,
  binary,
  boolean,
  executeBatchGet,
  executeBatchWrite,
  executeTransactGet,
  executeTransactWrite,
  item,
  list,
  map,
  number,
  set,
  string,
} from "dynamodb-toolbox";

const client = new DynamoDBClient({});
const Pets = new Table({
  documentClient: DynamoDBDocumentClient.from(client),
  name: "pets",
  partitionKey: { name: "owner", type: "string" },
  sortKey: { name: "number", type: "number" },
  indexes: {
    kinds: { type: "global", partitionKey: { name: "kind", type: "string" }, sortKey: { name: "age", type: "number" } },
    ages: { type: "local", sortKey: { name: "age", type: "number" } },
  },
});
const Pet = new Entity({
  name: "Pet",
  table: Pets,
  schema: item({
    owner: string().key(),
    number: number().key(),
    kind: string().enum("cat", "dog"),
    age: number().default(1),
    tame: boolean().optional(),
    photo: binary().optional(),
    names: list(string()).optional(),
    colours: set(string()).optional(),
    home: map({ city: string(), zip: number().optional() }).optional(),
  }),
});
const pet = (at) => ({ owner: `o${at % 2}`, number: at, kind: at % 3 ? "cat" : "dog", age: at % 7 });
const build = (action) => Pet.build(action);

before(async () => {
  await client.send(
    new CreateTableCommand({
      TableName: "pets",
      AttributeDefinitions: [
        { AttributeName: "owner", AttributeType: "S" },
        { AttributeName: "number", AttributeType: "N" },
        { AttributeName: "kind", AttributeType: "S" },
        { AttributeName: "age", AttributeType: "N" },
      ],
      KeySchema: [
        { AttributeName: "owner", KeyType: "HASH" },
        { AttributeName: "number", KeyType: "RANGE" },
      ],
      LocalSecondaryIndexes: [
        {
          IndexName: "ages",
          KeySchema: [
            { AttributeName: "owner", KeyType: "HASH" },
            { AttributeName: "age", KeyType: "RANGE" },
          ],
          Projection: { ProjectionType: "ALL" },
        },
      ],
      GlobalSecondaryIndexes: [
        {
          IndexName: "kinds",
          KeySchema: [
            { AttributeName: "kind", KeyType: "HASH" },
            { AttributeName: "age", KeyType: "RANGE" },
          ],
          Projection: { ProjectionType: "ALL" },
        },
      ],
      BillingMode: "PAY_PER_REQUEST",
    }),
  );
  await waitUntilTableExists({ client, minDelay: 1, maxWaitTime: 20 }, { TableName: "pets" });
  const requests = Array.from({ length: 20 }, (_, at) => build(BatchPutRequest).item(pet(at)));
  const { UnprocessedItems } = await executeBatchWrite(Pets.build(BatchWriteCommand).requests(...requests));
  assert.deepEqual(UnprocessedItems, {});
});

after(async () => {
  await client.send(new DeleteTableCommand({ TableName: "pets" }));
  client.destroy();
});

test("items come back parsed", async () => {
  const full = {
    ...pet(100),
    tame: true,
    photo: new Uint8Array([1, 0]),
    names: ["a"],
    colours: new Set(["red", "white"]),
    home: { city: "Ulm" },
  };
  await build(PutItemCommand).item(full).options({ condition: { attr: "owner", exists: false } }).send();
  const { Item } = await build(GetItemCommand).key({ owner: "o0", number: 100 }).options({ consistent: true }).send();
  const { created, modified, entity, ...rest } = Item;
  assert.deepEqual(rest, full);
  assert.ok(Date.parse(created) && Date.parse(modified));
  const twice = build(PutItemCommand).item(full).options({ condition: { attr: "owner", exists: false } });
  await assert.rejects(twice.send(), { name: "ConditionalCheckFailedException" });
  const removed = await build(DeleteItemCommand)
    .key({ owner: "o0", number: 100 })
    .options({ returnValues: "ALL_OLD" })
    .send();
  assert.deepEqual(removed.Attributes.names, ["a"]);
});

test("updates", async () => {
  const key = { owner: "o1", number: 1 };
  const { Attributes } = await build(UpdateItemCommand)
    .item({ ...key, age: $add(5), names: $set(["b"]), colours: $add(new Set(["red", "blue"])), home: $set({ city: "Rom", zip: 1 }) })
    .options({ returnValues: "ALL_NEW", condition: { attr: "kind", eq: "cat" } })
    .send();
  assert.deepEqual([Attributes.age, Attributes.names, Attributes.home], [6, ["b"], { city: "Rom", zip: 1 }]);
  const second = await build(UpdateItemCommand)
    .item({
      ...key,
      age: $sum(10, 1),
      names: $append(["c"]),
      colours: $delete(new Set(["red"])),
      home: { zip: $remove() },
    })
    .options({ returnValues: "ALL_NEW" })
    .send();
  assert.deepEqual(
    [second.Attributes.age, second.Attributes.names, second.Attributes.colours, second.Attributes.home],
    [11, ["b", "c"], new Set(["blue"]), { city: "Rom" }],
  );
  await build(UpdateAttributesCommand).item({ ...key, home: { city: "Bern" }, age: 1 }).send();
  assert.deepEqual((await build(GetItemCommand).key(key).send()).Item.home, { city: "Bern" });
});

test("queries", async () => {
  const numbered = await Pets.build(QueryCommand)
    .query({ partition: "o0", range: { between: [4, 12] } })
    .entities(Pet)
    .options({ reverse: true, filters: { Pet: { attr: "kind", eq: "cat" } } })
    .send();
  assert.deepEqual(numbered.Items.map((each) => each.number), [10, 8, 4]);
  const first = await Pets.build(QueryCommand)
    .query({ index: "kinds", partition: "dog", range: { gte: 2 } })
    .entities(Pet)
    .options({ limit: 2 })
    .send();
  assert.equal(first.Items.length, 2);
  const rest = await Pets.build(QueryCommand)
    .query({ index: "kinds", partition: "dog", range: { gte: 2 } })
    .entities(Pet)
    .options({ exclusiveStartKey: first.LastEvaluatedKey, maxPages: Infinity, limit: 2 })
    .send();
  const ages = [...first.Items, ...rest.Items].map((each) => each.age);
  const right = Array.from({ length: 20 }, (_, at) => pet(at)).filter((each) => each.kind === "dog" && each.age >= 2);
  assert.deepEqual(ages, right.map((each) => each.age).sort((a, b) => a - b));
  const local = await Pets.build(QueryCommand)
    .query({ index: "ages", partition: "o0", range: { lte: 1 } })
    .entities(Pet)
    .options({ consistent: true, attributes: ["number", "age"] })
    .send();
  assert.deepEqual(local.Items.map((each) => each.age), [0, 0, 1]);
});

test("scans", async () => {
  const parts = await Promise.all(
    [0, 1, 2].map((segment) =>
      Pets.build(ScanCommand).entities(Pet).options({ segment, totalSegments: 3, maxPages: Infinity, limit: 3 }).send(),
    ),
  );
  const numbers = parts.flatMap((part) => part.Items.map((each) => each.number)).sort((a, b) => a - b);
  assert.deepEqual(numbers, Array.from({ length: 20 }, (_, at) => at));
});

test("batches and transactions", async () => {
  const keys = [0, 1, 2].map((at) => ({ owner: `o${at % 2}`, number: at }));
  const gets = keys.map((key) => build(BatchGetRequest).key(key));
  const { Responses } = await executeBatchGet(Pets.build(BatchGetCommand).requests(...gets));
  assert.deepEqual(Responses[0].map((each) => each.number), [0, 1, 2]);
  await executeTransactWrite(
    build(PutTransaction).item(pet(30)).options({ condition: { attr: "owner", exists: false } }),
    build(UpdateTransaction).item({ ...keys[2], tame: true }),
    build(ConditionCheck).key(keys[0]).condition({ attr: "kind", eq: "dog" }),
  );
  const read = await executeTransactGet(
    build(GetTransaction).key({ owner: "o0", number: 30 }),
    build(GetTransaction).key(keys[2]),
  );
  assert.deepEqual([read.Responses[0].Item.number, read.Responses[1].Item.tame], [30, true]);
  const canceled = executeTransactWrite(
    build(PutTransaction).item(pet(30)).options({ condition: { attr: "owner", exists: false } }),
  );
  await assert.rejects(canceled, { name: "TransactionCanceledException" });
  await build(DeleteItemCommand).key({ owner: "o0", number: 30 }).send();
});
