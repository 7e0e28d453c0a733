package libraries

import (
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	streamtypes "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
)

func TestStreams(t *testing.T) {
	name := table(t, func(input *dynamodb.CreateTableInput) {
		input.StreamSpecification = &types.StreamSpecification{
			StreamEnabled: aws.Bool(true), StreamViewType: types.StreamViewTypeNewAndOldImages,
		}
	})
	described, err := client.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: &name})
	must(t)(described, err)
	listed, err := streams.ListStreams(t.Context(), &dynamodbstreams.ListStreamsInput{TableName: &name})
	must(t)(listed, err)
	equal(t, *listed.Streams[0].StreamArn, *described.Table.LatestStreamArn)

	must(t)(client.PutItem(t.Context(), &dynamodb.PutItemInput{
		TableName: &name, Item: marshal(t, song{Artist: "a", Title: "b"}),
	}))
	must(t)(client.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
		TableName: &name, Key: key("a", "b"), UpdateExpression: aws.String("SET plays = :p"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":p": &types.AttributeValueMemberN{Value: "5"}},
	}))
	must(t)(client.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: &name, Key: key("a", "b")}))

	records := read(t, *described.Table.LatestStreamArn, 3)
	kinds := []streamtypes.OperationType{}
	for _, record := range records {
		kinds = append(kinds, record.EventName)
	}
	equal(t, fmt.Sprint(kinds), "[INSERT MODIFY REMOVE]")
	equal(t, records[1].Dynamodb.NewImage["plays"].(*streamtypes.AttributeValueMemberN).Value, "5")
	equal(t, records[2].Dynamodb.OldImage["plays"].(*streamtypes.AttributeValueMemberN).Value, "5")
	equal(t, len(records[0].Dynamodb.OldImage), 0)

	_, err = streams.GetRecords(t.Context(), &dynamodbstreams.GetRecordsInput{ShardIterator: aws.String("nonsense")})
	if err == nil {
		t.Fatal("an iterator of nobody's making")
	}
}

// read follows the shards of a stream from their beginnings until so many records were seen.
func read(t *testing.T, arn string, wanted int) []streamtypes.Record {
	t.Helper()
	stream, err := streams.DescribeStream(t.Context(), &dynamodbstreams.DescribeStreamInput{StreamArn: &arn})
	must(t)(stream, err)
	records := []streamtypes.Record{}
	for _, shard := range stream.StreamDescription.Shards {
		start, err := streams.GetShardIterator(t.Context(), &dynamodbstreams.GetShardIteratorInput{
			StreamArn: &arn, ShardId: shard.ShardId, ShardIteratorType: streamtypes.ShardIteratorTypeTrimHorizon,
		})
		must(t)(start, err)
		deadline := time.Now().Add(15 * time.Second)
		for next := start.ShardIterator; next != nil && len(records) < wanted && time.Now().Before(deadline); {
			page, err := streams.GetRecords(t.Context(), &dynamodbstreams.GetRecordsInput{ShardIterator: next})
			must(t)(page, err)
			records = append(records, page.Records...)
			next = page.NextShardIterator
			if len(page.Records) == 0 {
				time.Sleep(50 * time.Millisecond)
			}
		}
	}
	if len(records) != wanted {
		t.Fatalf("%d records", len(records))
	}
	return records
}

func TestExpiry(t *testing.T) {
	name := table(t)
	must(t)(client.UpdateTimeToLive(t.Context(), &dynamodb.UpdateTimeToLiveInput{
		TableName: &name,
		TimeToLiveSpecification: &types.TimeToLiveSpecification{
			AttributeName: aws.String("seen"), Enabled: aws.Bool(true),
		},
	}))
	answer, err := client.DescribeTimeToLive(t.Context(), &dynamodb.DescribeTimeToLiveInput{TableName: &name})
	must(t)(answer, err)
	equal(t, answer.TimeToLiveDescription.TimeToLiveStatus, types.TimeToLiveStatusEnabled)
	equal(t, *answer.TimeToLiveDescription.AttributeName, "seen")
}
