package libraries

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/expression"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

const count = 60

// fill writes songs in batches and sends again what was not processed.
func fill(t *testing.T, name string, padding int) {
	t.Helper()
	for chunk := range slices.Chunk(numbers(count), 25) {
		requests := []types.WriteRequest{}
		for _, number := range chunk {
			item := marshal(t, song{
				Artist: fmt.Sprintf("artist %d", number%2), Title: fmt.Sprintf("title %02d", number),
				Year: 2000 + number%3, Seconds: 100 - number, Credits: map[string]string{"x": strings.Repeat("x", padding)},
			})
			requests = append(requests, types.WriteRequest{PutRequest: &types.PutRequest{Item: item}})
		}
		waiting := map[string][]types.WriteRequest{name: requests}
		for tries := 0; len(waiting) > 0; tries++ {
			if tries > 5 {
				t.Fatal("never processed")
			}
			answer, err := client.BatchWriteItem(t.Context(), &dynamodb.BatchWriteItemInput{RequestItems: waiting})
			must(t)(answer, err)
			waiting = answer.UnprocessedItems
		}
	}
}

func numbers(count int) []int {
	found := make([]int, count)
	for at := range found {
		found[at] = at
	}
	return found
}

func titles(t *testing.T, items []map[string]types.AttributeValue) []string {
	t.Helper()
	var found []song
	must(t)(nil, attributevalue.UnmarshalListOfMaps(items, &found))
	names := []string{}
	for _, each := range found {
		names = append(names, strings.TrimPrefix(each.Title, "title "))
	}
	return names
}

func TestQueries(t *testing.T) {
	name := table(t)
	fill(t, name, 0)
	artist := expression.Key("artist").Equal(expression.Value("artist 0"))
	for _, each := range []struct {
		index   string
		key     expression.KeyConditionBuilder
		filter  *expression.ConditionBuilder
		forward bool
		found   string
	}{
		{"", artist.And(expression.Key("title").BeginsWith("title 1")), nil, true, "10 12 14 16 18"},
		{"", artist.And(expression.Key("title").LessThan(expression.Value("title 05"))), nil, false, "04 02 00"},
		{"", artist.And(expression.KeyBetween(expression.Key("title"), expression.Value("title 50"),
			expression.Value("title 54"))), nil, true, "50 52 54"},
		{"lengths", artist.And(expression.Key("seconds").GreaterThanEqual(expression.Value(94))), nil, true, "06 04 02 00"},
		{"years", expression.Key("year").Equal(expression.Value(2001)).And(
			expression.Key("title").GreaterThan(expression.Value("title 50"))), nil, true, "52 55 58"},
		{"", artist, pointer(expression.Name("year").Equal(expression.Value(2000)).And(
			expression.Name("seconds").In(expression.Value(100), expression.Value(94), expression.Value(1)))), true, "00 06"},
	} {
		builder := expression.NewBuilder().WithKeyCondition(each.key)
		if each.filter != nil {
			builder = builder.WithFilter(*each.filter)
		}
		built := build(t, builder)
		input := &dynamodb.QueryInput{
			TableName: &name, KeyConditionExpression: built.KeyCondition(), FilterExpression: built.Filter(),
			ExpressionAttributeNames: built.Names(), ExpressionAttributeValues: built.Values(),
			ScanIndexForward: &each.forward,
		}
		if each.index != "" {
			input.IndexName = &each.index
		}
		if each.index == "lengths" {
			input.Select = types.SelectAllAttributes
		}
		answer, err := client.Query(t.Context(), input)
		must(t)(answer, err)
		equal(t, strings.Join(titles(t, answer.Items), " "), each.found)
	}
}

func pointer[T any](value T) *T { return &value }

func TestPages(t *testing.T) {
	name := table(t)
	fill(t, name, 40_000)
	built := build(t, expression.NewBuilder().WithKeyCondition(expression.Key("artist").Equal(expression.Value("artist 1"))))
	pages := dynamodb.NewQueryPaginator(client, &dynamodb.QueryInput{
		TableName: &name, KeyConditionExpression: built.KeyCondition(), ExpressionAttributeNames: built.Names(),
		ExpressionAttributeValues: built.Values(),
	})
	found, sizes := []string{}, []int{}
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		must(t)(page, err)
		sizes = append(sizes, len(page.Items))
		found = append(found, titles(t, page.Items)...)
	}
	equal(t, len(found), count/2)
	equal(t, sizes, []int{27, 3}) // 27 items of 40 kB are the first to reach 1 MB
	if !slices.IsSorted(found) {
		t.Fatal(found)
	}
	tables := dynamodb.NewListTablesPaginator(client, &dynamodb.ListTablesInput{Limit: aws.Int32(1)})
	names := []string{}
	for tables.HasMorePages() {
		page, err := tables.NextPage(t.Context())
		must(t)(page, err)
		names = append(names, page.TableNames...)
	}
	if !slices.Contains(names, name) {
		t.Fatal(names)
	}
}

func TestParallelScan(t *testing.T) {
	name := table(t)
	fill(t, name, 0)
	var workers sync.WaitGroup
	parts := make([][]map[string]types.AttributeValue, 4)
	for segment := range parts {
		workers.Add(1)
		go func() {
			defer workers.Done()
			pages := dynamodb.NewScanPaginator(client, &dynamodb.ScanInput{
				TableName: &name, Segment: aws.Int32(int32(segment)), TotalSegments: aws.Int32(4), Limit: aws.Int32(7),
			})
			for pages.HasMorePages() {
				page, err := pages.NextPage(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				parts[segment] = append(parts[segment], page.Items...)
			}
		}()
	}
	workers.Wait()
	found := titles(t, slices.Concat(parts...))
	slices.Sort(found)
	equal(t, len(slices.Compact(found)), count)
}

func TestBatchGetSendsAgainWhatDidNotFit(t *testing.T) {
	name := table(t)
	const large = 60
	wanted := types.KeysAndAttributes{}
	for number := range large {
		each := song{Artist: "large", Title: fmt.Sprint(number), Credits: map[string]string{"x": strings.Repeat("x", 300_000)}}
		must(t)(client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &name, Item: marshal(t, each)}))
		wanted.Keys = append(wanted.Keys, key("large", fmt.Sprint(number)))
	}
	waiting := map[string]types.KeysAndAttributes{name: wanted}
	found, requests := 0, 0
	for ; len(waiting) > 0; requests++ {
		answer, err := client.BatchGetItem(t.Context(), &dynamodb.BatchGetItemInput{RequestItems: waiting})
		must(t)(answer, err)
		found += len(answer.Responses[name])
		waiting = answer.UnprocessedKeys
	}
	equal(t, found, large)
	equal(t, requests, 2)
}
