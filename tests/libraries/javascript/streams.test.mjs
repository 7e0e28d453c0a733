// The streams client of the AWS SDK for JavaScript v3, and expiry: what functions behind a table see of it.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  CreateTableCommand,
  DeleteTableCommand,
  DescribeTimeToLiveCommand,
  DynamoDBClient,
  UpdateTimeToLiveCommand,
  waitUntilTableExists,
} from "@aws-sdk/client-dynamodb";
import {
  DescribeStreamCommand,
  DynamoDBStreamsClient,
  GetRecordsCommand,
  GetShardIteratorCommand,
  ListStreamsCommand,
  ResourceNotFoundException,
} from "@aws-sdk/client-dynamodb-streams";
import { DeleteCommand, DynamoDBDocumentClient, PutCommand, UpdateCommand } from "@aws-sdk/lib-dynamodb";

const client = new DynamoDBClient({});
const documents = DynamoDBDocumentClient.from(client);
const streams = new DynamoDBStreamsClient({});
const TableName = "watched";
let StreamArn;

before(async () => {
  const { TableDescription } = await client.send(
    new CreateTableCommand({
      TableName,
      AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
      KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
      BillingMode: "PAY_PER_REQUEST",
      StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_AND_OLD_IMAGES" },
    }),
  );
  StreamArn = TableDescription.LatestStreamArn;
  await waitUntilTableExists({ client, minDelay: 1, maxWaitTime: 20 }, { TableName });
});

after(async () => {
  await client.send(new DeleteTableCommand({ TableName }));
  client.destroy();
  streams.destroy();
});

const read = async (type, wanted) => {
  const { StreamDescription } = await streams.send(new DescribeStreamCommand({ StreamArn }));
  const found = [];
  for (const { ShardId } of StreamDescription.Shards) {
    const begin = new GetShardIteratorCommand({ StreamArn, ShardId, ShardIteratorType: type });
    let { ShardIterator } = await streams.send(begin);
    for (let tries = 0; ShardIterator && found.length < wanted && tries < 200; tries++) {
      const { Records, NextShardIterator } = await streams.send(new GetRecordsCommand({ ShardIterator, Limit: 2 }));
      found.push(...Records);
      ShardIterator = NextShardIterator;
      if (!Records.length) await new Promise((done) => setTimeout(done, 25));
    }
  }
  return found;
};

test("changes come in their order", async () => {
  const Key = { id: "é" };
  await documents.send(new PutCommand({ TableName, Item: { ...Key, n: 1, data: new Uint8Array([0, 255]) } }));
  for (const n of [2, 3])
    await documents.send(
      new UpdateCommand({ TableName, Key, UpdateExpression: "SET n = :n", ExpressionAttributeValues: { ":n": n } }),
    );
  await documents.send(new UpdateCommand({ TableName, Key, UpdateExpression: "REMOVE nothing" }));
  await documents.send(new DeleteCommand({ TableName, Key }));
  const records = await read("TRIM_HORIZON", 4);
  assert.deepEqual(records.map((record) => record.eventName), ["INSERT", "MODIFY", "MODIFY", "REMOVE"]);
  assert.deepEqual(records.map((record) => record.dynamodb.NewImage?.n.N), ["1", "2", "3", undefined]);
  assert.deepEqual(records.map((record) => record.dynamodb.OldImage?.n.N), [undefined, "1", "2", "3"]);
  assert.deepEqual(records[0].dynamodb.NewImage.data.B, new Uint8Array([0, 255]));
  assert.deepEqual(records[0].dynamodb.Keys, { id: { S: "é" } });
  assert.ok(records[0].dynamodb.ApproximateCreationDateTime instanceof Date);
  const numbers = records.map((record) => BigInt(record.dynamodb.SequenceNumber));
  assert.ok(numbers.every((number, at) => at === 0 || number > numbers[at - 1]));
});

test("streams are listed and described", async () => {
  const { Streams } = await streams.send(new ListStreamsCommand({ TableName }));
  assert.deepEqual(Streams.map((stream) => stream.StreamArn), [StreamArn]);
  const { StreamDescription } = await streams.send(new DescribeStreamCommand({ StreamArn, Limit: 1 }));
  assert.deepEqual([StreamDescription.StreamStatus, StreamDescription.TableName], ["ENABLED", TableName]);
  assert.deepEqual(await read("LATEST", 0), []);
  const none = streams.send(new DescribeStreamCommand({ StreamArn: StreamArn.replace("watched", "nobody") }));
  await assert.rejects(none, ResourceNotFoundException);
});

test("expiry", async () => {
  const TimeToLiveSpecification = { AttributeName: "until", Enabled: true };
  await client.send(new UpdateTimeToLiveCommand({ TableName, TimeToLiveSpecification }));
  const { TimeToLiveDescription } = await client.send(new DescribeTimeToLiveCommand({ TableName }));
  assert.deepEqual(TimeToLiveDescription, { TimeToLiveStatus: "ENABLED", AttributeName: "until" });
  await assert.rejects(client.send(new UpdateTimeToLiveCommand({ TableName, TimeToLiveSpecification })), {
    message: "TimeToLive is already enabled",
  });
});
