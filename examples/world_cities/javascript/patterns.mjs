/**
 * The access patterns with the AWS SDK for JavaScript v3, compared with the answers computed in plain Python.
 *
 *     python -m examples.world_cities.answers answers.json
 *     node patterns.mjs answers.json http://localhost:8000
 *
 * The table must be loaded. Without an endpoint the SDK takes AWS_ENDPOINT_URL_DYNAMODB, or AWS itself.
 */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";

import { ConditionalCheckFailedException, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import {
  DeleteCommand,
  DynamoDBDocumentClient,
  GetCommand,
  QueryCommand,
  UpdateCommand,
  paginateQuery,
} from "@aws-sdk/lib-dynamodb";

const TableName = process.env.WORLD_CITIES_TABLE || "WorldCities";
const [answersFile, endpoint] = process.argv.slice(2);
const answers = JSON.parse(await readFile(answersFile, "utf8"));
const client = new DynamoDBClient(endpoint ? { endpoint } : {});
const dynamodb = DynamoDBDocumentClient.from(client);

const countryKey = (iso) => `COUNTRY#${iso}`;
const cityKey = ({ country, region, name, geonameid }) => ({
  pk: countryKey(country),
  sk: `CITY#${region}#${name}#${geonameid}`,
});
const tallyKey = (country) => ({ pk: countryKey(country), sk: "TALLY#javascript" });

const query = (input) => dynamodb.send(new QueryCommand({ TableName, ...input }));
const update = (input) => dynamodb.send(new UpdateCommand({ TableName, ...input }));
const get = async (Key) => (await dynamodb.send(new GetCommand({ TableName, Key, ConsistentRead: true }))).Item;

/** Return all pages of a query. */
async function pages(input) {
  const all = [];
  for await (const page of paginateQuery({ client: dynamodb }, { TableName, ...input })) all.push(page);
  return all;
}

const total = (list, number) => list.reduce((sum, each) => sum + number(each), 0);

/** Return whether the condition of a write did not hold. */
async function refused(write) {
  try {
    await write();
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return true;
    throw error;
  }
  return false;
}

async function oneCity(city) {
  const item = await get(cityKey(city));
  for (const [name, value] of Object.entries(city)) assert.equal(item[name], value, name);
}

async function namesInRegion({ country, region, prefix, names }) {
  const { Items } = await query({
    KeyConditionExpression: "pk = :pk AND begins_with(sk, :start)",
    ExpressionAttributeValues: { ":pk": countryKey(country), ":start": `CITY#${region}#${prefix}` },
  });
  assert.deepEqual(Items.map((item) => item.name), names);
}

async function largestOfCountry({ country, count, cities }) {
  const { Items } = await query({
    IndexName: "by-population",
    KeyConditionExpression: "pk = :pk",
    ExpressionAttributeValues: { ":pk": countryKey(country) },
    ScanIndexForward: false,
    Limit: count,
  });
  assert.deepEqual(Items.map((item) => [item.name, item.population]), cities);
}

async function countBetween({ country, low, high, count }) {
  const found = await pages({
    IndexName: "by-population",
    KeyConditionExpression: "pk = :pk AND population BETWEEN :low AND :high",
    ExpressionAttributeValues: { ":pk": countryKey(country), ":low": low, ":high": high },
    Select: "COUNT",
  });
  assert.equal(total(found, (page) => page.Count), count);
}

async function leadersOfWorld({ count, cities }) {
  const { Items } = await query({
    IndexName: "leaders",
    KeyConditionExpression: "board = :world",
    ExpressionAttributeValues: { ":world": "WORLD" },
    ScanIndexForward: false,
    Limit: count,
  });
  assert.deepEqual(Items.map((item) => [item.name, item.country, item.population]), cities);
}

async function countriesOfContinent({ continent, count, names, codes }) {
  const here = {
    KeyConditionExpression: "pk = :pk",
    ExpressionAttributeValues: { ":pk": `CONTINENT#${continent}` },
  };
  const items = (await pages({ ...here, Limit: 10 })).flatMap((page) => page.Items);
  assert.deepEqual(items.map((item) => item.sk.replace("COUNTRY#", "")), codes);
  const { Items } = await query({ ...here, IndexName: "by-population", ScanIndexForward: false, Limit: count });
  assert.deepEqual(Items.map((item) => item.name), names);
}

async function filterByTimezone({ country, timezone, count, scanned }) {
  const found = await pages({
    KeyConditionExpression: "pk = :pk AND begins_with(sk, :city)",
    FilterExpression: "#timezone = :timezone",
    ExpressionAttributeNames: { "#timezone": "timezone" },
    ExpressionAttributeValues: { ":pk": countryKey(country), ":city": "CITY#", ":timezone": timezone },
    Select: "COUNT",
  });
  assert.equal(total(found, (page) => page.Count), count);
  assert.equal(total(found, (page) => page.ScannedCount), scanned);
}

async function wholePartition({ country, count, people }) {
  const found = await pages({
    KeyConditionExpression: "pk = :pk AND begins_with(sk, :city)",
    ExpressionAttributeValues: { ":pk": countryKey(country), ":city": "CITY#" },
    ProjectionExpression: "sk, population",
  });
  const items = found.flatMap((page) => page.Items);
  assert.equal(items.length, count);
  assert.equal(new Set(items.map((item) => item.sk)).size, count);
  assert.equal(total(items, (item) => item.population), people);
}

/** Add a region to the tally of its country, once. */
async function tallyRegion(country, region) {
  const found = await pages({
    KeyConditionExpression: "pk = :pk AND begins_with(sk, :start)",
    ExpressionAttributeValues: { ":pk": countryKey(country), ":start": `CITY#${region}#` },
    ProjectionExpression: "population",
  });
  const items = found.flatMap((page) => page.Items);
  await update({
    Key: tallyKey(country),
    UpdateExpression: "ADD cities :cities, people :people, regions :regions",
    ConditionExpression: "NOT contains(regions, :region)",
    ExpressionAttributeValues: {
      ":cities": items.length,
      ":people": total(items, (item) => item.population),
      ":regions": new Set([region]),
      ":region": region,
    },
  });
}

async function tallyCountry({ country, cities, people, regions }) {
  const codes = regions.map(([region]) => region);
  await dynamodb.send(new DeleteCommand({ TableName, Key: tallyKey(country) }));
  await Promise.all(codes.map((region) => tallyRegion(country, region)));
  for (const region of codes) assert.ok(await refused(() => tallyRegion(country, region)), region);
  const item = await get(tallyKey(country));
  assert.equal(item.cities, cities);
  assert.equal(item.people, people);
  assert.deepEqual([...item.regions].sort(), [...codes].sort());
}

async function census(city) {
  const resize = (before, after) =>
    update({
      Key: cityKey(city),
      UpdateExpression: "SET population = :after",
      ConditionExpression: "population = :before",
      ExpressionAttributeValues: { ":before": before, ":after": after },
    });
  const largest = async () => {
    const { Items } = await query({
      IndexName: "by-population",
      KeyConditionExpression: "pk = :pk",
      ExpressionAttributeValues: { ":pk": countryKey(city.country) },
      ScanIndexForward: false,
      ConsistentRead: true,
      Limit: 1,
    });
    return Items[0].name;
  };
  await resize(city.before, city.after);
  try {
    assert.equal(await largest(), city.name);
    assert.ok(await refused(() => resize(city.before, city.after)));
  } finally {
    await resize(city.after, city.before);
  }
  assert.equal(await largest(), city.largest);
}

async function visits(city) {
  const Key = cityKey(city);
  await update({ Key, UpdateExpression: "REMOVE visits" });
  const visit = () =>
    update({
      Key,
      UpdateExpression: "SET visits = if_not_exists(visits, :none) + :one",
      ExpressionAttributeValues: { ":none": 0, ":one": 1 },
      ReturnValues: "UPDATED_NEW",
    });
  const counted = await Promise.all(Array.from({ length: 100 }, visit));
  const numbers = counted.map((answer) => answer.Attributes.visits).sort((a, b) => a - b);
  assert.deepEqual(numbers, Array.from({ length: 100 }, (_, index) => index + 1));
}

const patterns = [
  ["a city by its key", oneCity, answers.city],
  ["names in a region", namesInRegion, answers.prefix],
  ["the largest cities of a country", largestOfCountry, answers.largest],
  ["a count between two populations", countBetween, answers.between],
  ["the largest cities of the world", leadersOfWorld, answers.leaders],
  ["the countries of a continent", countriesOfContinent, answers.continent],
  ["a filter by time zone", filterByTimezone, answers.timezone],
  ["a whole partition, page by page", wholePartition, answers.partition],
  ["a tally that counts every region once", tallyCountry, answers.tally],
  ["a census that reorders an index", census, answers.census],
  ["a hundred visits at once", visits, answers.city],
];

try {
  for (const [title, pattern, answer] of patterns) {
    await pattern(answer);
    console.log(`ok  ${title}`);
  }
} finally {
  client.destroy();
}
