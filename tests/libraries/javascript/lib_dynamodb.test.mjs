// The AWS SDK for JavaScript v3: the plain client, and the document client over it.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  ConditionalCheckFailedException,
  CreateTableCommand,
  DeleteTableCommand,
  DescribeTableCommand,
  DynamoDBClient,
  PutItemCommand,
  ResourceInUseException,
  ResourceNotFoundException,
  TransactionCanceledException,
  paginateListTables,
  waitUntilTableExists,
  waitUntilTableNotExists,
} from "@aws-sdk/client-dynamodb";
import {
  BatchGetCommand,
  BatchWriteCommand,
  DeleteCommand,
  DynamoDBDocumentClient,
  GetCommand,
  NumberValue,
  PutCommand,
  QueryCommand,
  TransactGetCommand,
  TransactWriteCommand,
  UpdateCommand,
  paginateQuery,
  paginateScan,
} from "@aws-sdk/lib-dynamodb";

const client = new DynamoDBClient({});
const documents = DynamoDBDocumentClient.from(client, {
  marshallOptions: { removeUndefinedValues: true, convertClassInstanceToMap: true },
});
const TableName = "songs";
const waiting = { client, minDelay: 1, maxWaitTime: 20 };
const definition = {
  TableName,
  AttributeDefinitions: [
    { AttributeName: "artist", AttributeType: "S" },
    { AttributeName: "title", AttributeType: "S" },
    { AttributeName: "year", AttributeType: "N" },
  ],
  KeySchema: [
    { AttributeName: "artist", KeyType: "HASH" },
    { AttributeName: "title", KeyType: "RANGE" },
  ],
  GlobalSecondaryIndexes: [
    {
      IndexName: "years",
      KeySchema: [
        { AttributeName: "year", KeyType: "HASH" },
        { AttributeName: "title", KeyType: "RANGE" },
      ],
      Projection: { ProjectionType: "ALL" },
    },
  ],
  BillingMode: "PAY_PER_REQUEST",
};
const song = (number) => ({ artist: "a", title: `t${String(number).padStart(3, "0")}`, year: 1990 + (number % 5) });

before(async () => {
  await client.send(new CreateTableCommand(definition));
  const { state } = await waitUntilTableExists(waiting, { TableName });
  assert.equal(state, "SUCCESS");
  for (let start = 0; start < 50; start += 25) {
    const puts = Array.from({ length: 25 }, (_, at) => ({ PutRequest: { Item: song(start + at) } }));
    const { UnprocessedItems } = await documents.send(new BatchWriteCommand({ RequestItems: { [TableName]: puts } }));
    assert.deepEqual(UnprocessedItems, {});
  }
});

after(async () => {
  await client.send(new DeleteTableCommand({ TableName }));
  await waitUntilTableNotExists(waiting, { TableName });
  client.destroy();
});

test("descriptions", async () => {
  const { Table } = await client.send(new DescribeTableCommand({ TableName }));
  assert.equal(Table.TableStatus, "ACTIVE");
  assert.ok(Table.CreationDateTime instanceof Date);
  assert.ok(Math.abs(Date.now() - Table.CreationDateTime.getTime()) < 120_000);
  const names = [];
  for await (const page of paginateListTables({ client, pageSize: 1 }, {})) names.push(...page.TableNames);
  assert.deepEqual(names, [TableName]);
  await assert.rejects(client.send(new CreateTableCommand(definition)), ResourceInUseException);
  const missing = client.send(new DescribeTableCommand({ TableName: "none" }));
  await assert.rejects(missing, ResourceNotFoundException);
});

test("values of every type", async () => {
  const Key = { artist: "types", title: "all" };
  const Item = {
    ...Key,
    text: "é\u0000😀",
    empty: "",
    half: 0.5,
    huge: 12345678901234567890n,
    no: false,
    nothing: null,
    bytes: new Uint8Array([0, 255]),
    list: [1, ["x", { y: [] }]],
    map: { "a.b": { c: null } },
    strings: new Set(["a", "b"]),
    numbers: new Set([1, 2.5]),
  };
  await documents.send(new PutCommand({ TableName, Item: { ...Item, left: undefined } }));
  const found = await documents.send(new GetCommand({ TableName, Key, ConsistentRead: true }));
  assert.deepEqual(found.Item, Item);
  assert.equal(found.$metadata.httpStatusCode, 200);
  assert.equal(found.$metadata.requestId.length, 52);
  await documents.send(new DeleteCommand({ TableName, Key }));
  assert.equal((await documents.send(new GetCommand({ TableName, Key }))).Item, undefined);
});

test("numbers of 38 digits", async () => {
  const another = new DynamoDBClient({}); // document clients of one client share their options
  const exact = DynamoDBDocumentClient.from(another, { unmarshallOptions: { wrapNumbers: true } });
  const Key = { artist: "types", title: "numbers" };
  const digits = NumberValue.from("12345678901234567890.123456789012345678");
  await exact.send(new PutCommand({ TableName, Item: { ...Key, digits } }));
  const { Item } = await exact.send(new GetCommand({ TableName, Key }));
  assert.equal(Item.digits.toString(), "12345678901234567890.123456789012345678");
  another.destroy();
});

test("updates and conditions", async () => {
  const Key = { artist: "u", title: "one" };
  const first = await documents.send(
    new UpdateCommand({
      TableName,
      Key,
      UpdateExpression: "SET #y = if_not_exists(#y, :y), tags = :t ADD plays :one",
      ConditionExpression: "attribute_not_exists(artist)",
      ExpressionAttributeNames: { "#y": "year" },
      ExpressionAttributeValues: { ":y": 2000, ":t": ["a"], ":one": 1 },
      ReturnValues: "ALL_NEW",
    }),
  );
  assert.deepEqual(first.Attributes, { ...Key, year: 2000, tags: ["a"], plays: 1 });
  const refused = documents.send(
    new PutCommand({
      TableName,
      Item: Key,
      ConditionExpression: "plays > :n",
      ExpressionAttributeValues: { ":n": 5 },
      ReturnValuesOnConditionCheckFailure: "ALL_OLD",
    }),
  );
  await assert.rejects(refused, (error) => {
    assert.ok(error instanceof ConditionalCheckFailedException);
    assert.equal(error.message, "The conditional request failed");
    assert.equal(error.$fault, "client");
    assert.deepEqual(error.Item.plays, { N: "1" });
    return true;
  });
});

test("queries and pages", async () => {
  const input = {
    TableName,
    KeyConditionExpression: "artist = :a AND begins_with(title, :t)",
    ExpressionAttributeValues: { ":a": "a", ":t": "t0" },
    ScanIndexForward: false,
  };
  const titles = [];
  for await (const page of paginateQuery({ client: documents, pageSize: 7 }, input)) {
    assert.ok(page.Count <= 7);
    titles.push(...page.Items.map((item) => item.title));
  }
  assert.deepEqual(titles, Array.from({ length: 50 }, (_, at) => song(49 - at).title));
  const indexed = await documents.send(
    new QueryCommand({
      TableName,
      IndexName: "years",
      KeyConditionExpression: "#y = :y AND title < :t",
      ExpressionAttributeNames: { "#y": "year" },
      ExpressionAttributeValues: { ":y": 1993, ":t": "t020" },
    }),
  );
  assert.deepEqual(indexed.Items, [3, 8, 13, 18].map(song));
});

test("scans in segments", async () => {
  const segment = async (Segment) => {
    const titles = [];
    const input = {
      TableName,
      Segment,
      TotalSegments: 3,
      FilterExpression: "artist = :a",
      ExpressionAttributeValues: { ":a": "a" },
    };
    for await (const page of paginateScan({ client: documents, pageSize: 10 }, input))
      titles.push(...page.Items.map((item) => item.title));
    return titles;
  };
  const found = (await Promise.all([0, 1, 2].map(segment))).flat().sort();
  assert.equal(found.length, 50);
  assert.equal(new Set(found).size, 50);
});

test("batches", async () => {
  const Keys = [0, 1, 49].map(song).map(({ artist, title }) => ({ artist, title }));
  const { Responses, UnprocessedKeys } = await documents.send(
    new BatchGetCommand({ RequestItems: { [TableName]: { Keys: [...Keys, { artist: "no", title: "no" }] } } }),
  );
  assert.deepEqual(Responses[TableName].map((item) => item.title).sort(), ["t000", "t001", "t049"]);
  assert.deepEqual(UnprocessedKeys, {});
});

test("batches that do not fit at once", async () => {
  const large = Array.from({ length: 48 }, (_, at) => ({ artist: "large", title: String(at), body: "x".repeat(380_000) }));
  let writes = { [TableName]: large.map((Item) => ({ PutRequest: { Item } })) };
  while (writes[TableName]?.length) {
    const now = writes[TableName].splice(0, 25);
    const { UnprocessedItems } = await documents.send(new BatchWriteCommand({ RequestItems: { [TableName]: now } }));
    writes[TableName].push(...(UnprocessedItems[TableName] ?? []));
  }
  let waiting = { [TableName]: { Keys: large.map(({ artist, title }) => ({ artist, title })), ProjectionExpression: "title" } };
  const titles = [];
  let requests = 0;
  for (; Object.keys(waiting).length; requests++) {
    const { Responses, UnprocessedKeys } = await documents.send(new BatchGetCommand({ RequestItems: waiting }));
    titles.push(...Responses[TableName].map((item) => item.title));
    waiting = UnprocessedKeys;
  }
  assert.equal(new Set(titles).size, 48);
  assert.equal(requests, 2);
});

test("lists and sets are changed in place", async () => {
  const Key = { artist: "lists", title: "one" };
  const Item = { ...Key, list: [1, 2], tags: new Set(["a", "b"]), map: { x: 1 } };
  await documents.send(new PutCommand({ TableName, Item }));
  const update = (UpdateExpression, ReturnValues) =>
    new UpdateCommand({
      TableName,
      Key,
      UpdateExpression,
      ExpressionAttributeNames: { "#l": "list", "#m": "map" },
      ExpressionAttributeValues: { ":three": 3, ":one": 1, ":t": new Set(["a"]) },
      ReturnValues,
    });
  const noList = "SET #l = list_append(#l, :three), #m.y = :one REMOVE #l[0] DELETE tags :t";
  await assert.rejects(documents.send(update(noList)), /operand type: N/);
  const { Attributes } = await documents.send(
    update("SET #l[5] = :three, #m.y = #m.x + :one REMOVE #l[0] DELETE tags :t", "ALL_NEW"),
  );
  assert.deepEqual(Attributes, { ...Key, list: [2, 3], tags: new Set(["b"]), map: { x: 1, y: 2 } });
});

test("transactions", async () => {
  const Key = { artist: "x", title: "one" };
  await documents.send(
    new TransactWriteCommand({
      TransactItems: [
        { Put: { TableName, Item: { ...Key, n: 1 }, ConditionExpression: "attribute_not_exists(artist)" } },
        { ConditionCheck: { TableName, Key: { artist: "a", title: "t000" }, ConditionExpression: "attribute_exists(artist)" } },
      ],
    }),
  );
  const again = documents.send(
    new TransactWriteCommand({
      TransactItems: [
        { Delete: { TableName, Key: { artist: "a", title: "t000" } } },
        {
          Put: {
            TableName,
            Item: { ...Key, n: 2 },
            ConditionExpression: "attribute_not_exists(artist)",
            ReturnValuesOnConditionCheckFailure: "ALL_OLD",
          },
        },
      ],
    }),
  );
  await assert.rejects(again, (error) => {
    assert.ok(error instanceof TransactionCanceledException);
    assert.deepEqual(error.CancellationReasons.map((reason) => reason.Code), ["None", "ConditionalCheckFailed"]);
    assert.ok(error.CancellationReasons[1].Item);
    return true;
  });
  const { Responses } = await documents.send(
    new TransactGetCommand({
      TransactItems: [{ Get: { TableName, Key } }, { Get: { TableName, Key: { artist: "a", title: "t000" } } }],
    }),
  );
  assert.deepEqual(Responses.map((response) => response.Item.n ?? response.Item.year), [1, 1990]);
});

test("validation errors keep their text", async () => {
  await assert.rejects(client.send(new PutItemCommand({ TableName, Item: { artist: { S: "a" } } })), (error) => {
    assert.equal(error.name, "ValidationException");
    assert.equal(error.message, "One or more parameter values were invalid: Missing the key title in the item");
    assert.equal(error.$metadata.attempts, 1);
    return true;
  });
});

test("many at once", async () => {
  const Key = { artist: "m", title: "counter" };
  const add = new UpdateCommand({
    TableName,
    Key,
    UpdateExpression: "ADD plays :one",
    ExpressionAttributeValues: { ":one": 1 },
  });
  await Promise.all(Array.from({ length: 100 }, () => documents.send(add)));
  assert.equal((await documents.send(new GetCommand({ TableName, Key, ConsistentRead: true }))).Item.plays, 100);
});
