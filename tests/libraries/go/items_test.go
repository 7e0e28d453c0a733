package libraries

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/expression"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

type song struct {
	Artist  string            `dynamodbav:"artist"`
	Title   string            `dynamodbav:"title"`
	Year    int               `dynamodbav:"year"`
	Seconds int               `dynamodbav:"seconds"`
	Plays   int               `dynamodbav:"plays"`
	Rating  float64           `dynamodbav:"rating,omitempty"`
	Tags    []string          `dynamodbav:"tags,stringset,omitempty"`
	Charts  []int             `dynamodbav:"charts,omitempty"`
	Credits map[string]string `dynamodbav:"credits,omitempty"`
	Cover   []byte            `dynamodbav:"cover,omitempty"`
	Seen    time.Time         `dynamodbav:"seen,unixtime"`
	Gone    *string           `dynamodbav:"gone"`
}

func marshal(t *testing.T, value any) map[string]types.AttributeValue {
	t.Helper()
	item, err := attributevalue.MarshalMap(value)
	must(t)(item, err)
	return item
}

func key(artist, title string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{
		"artist": &types.AttributeValueMemberS{Value: artist},
		"title":  &types.AttributeValueMemberS{Value: title},
	}
}

func get(t *testing.T, table, artist, title string) *song {
	t.Helper()
	answer, err := client.GetItem(t.Context(), &dynamodb.GetItemInput{
		TableName: &table, Key: key(artist, title), ConsistentRead: aws.Bool(true),
	})
	must(t)(answer, err)
	if answer.Item == nil {
		return nil
	}
	var found song
	if err := attributevalue.UnmarshalMap(answer.Item, &found); err != nil {
		t.Fatal(err)
	}
	return &found
}

func build(t *testing.T, builder expression.Builder) expression.Expression {
	t.Helper()
	built, err := builder.Build()
	must(t)(built, err)
	return built
}

func TestItemsComeBack(t *testing.T) {
	name := table(t)
	whole := song{
		Artist: "Nina", Title: "Sinnerman", Year: 1965, Seconds: 622, Rating: 4.75, Tags: []string{"jazz", "live"},
		Charts: []int{3, 1, 2}, Credits: map[string]string{"label": "Philips", "ü": "☃"},
		Cover: []byte{0, 1, 255}, Seen: time.Unix(1_700_000_000, 0),
	}
	must(t)(client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &name, Item: marshal(t, whole)}))
	found := get(t, name, "Nina", "Sinnerman")
	if !found.Seen.Equal(whole.Seen) {
		t.Fatal(found.Seen)
	}
	found.Seen = whole.Seen
	equal(t, *found, whole)
	if get(t, name, "Nina", "Feeling Good") != nil {
		t.Fatal("found what is not there")
	}
	projection := build(t, expression.NewBuilder().WithProjection(
		expression.NamesList(expression.Name("credits.label"), expression.Name("charts[1]"))))
	part, err := client.GetItem(t.Context(), &dynamodb.GetItemInput{
		TableName: &name, Key: key("Nina", "Sinnerman"), ProjectionExpression: projection.Projection(),
		ExpressionAttributeNames: projection.Names(), ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
	})
	must(t)(part, err)
	equal(t, *part.ConsumedCapacity.CapacityUnits, 0.5)
	var some map[string]any
	must(t)(nil, attributevalue.UnmarshalMap(part.Item, &some))
	equal(t, some, map[string]any{"charts": []any{float64(1)}, "credits": map[string]any{"label": "Philips"}})
}

func TestUpdatesAndConditions(t *testing.T) {
	name := table(t)
	first := song{Artist: "a", Title: "b", Year: 1, Seconds: 1, Tags: []string{"one", "two"}, Charts: []int{1}}
	absent := build(t, expression.NewBuilder().WithCondition(expression.AttributeNotExists(expression.Name("artist"))))
	put := &dynamodb.PutItemInput{
		TableName: &name, Item: marshal(t, first), ConditionExpression: absent.Condition(),
		ExpressionAttributeNames:            absent.Names(),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
	must(t)(client.PutItem(t.Context(), put))
	_, err := client.PutItem(t.Context(), put)
	failed := failsWith[*types.ConditionalCheckFailedException](t, err)
	equal(t, failed.ErrorMessage(), "The conditional request failed")
	equal(t, len(failed.Item), len(marshal(t, first)))

	update := build(t, expression.NewBuilder().
		WithUpdate(expression.
			Set(expression.Name("rating"), expression.Value(2.5)).
			Set(expression.Name("seconds"), expression.Name("seconds").Plus(expression.Value(9))).
			Set(expression.Name("charts"), expression.ListAppend(expression.Name("charts"), expression.Value([]int{7}))).
			Set(expression.Name("first"), expression.IfNotExists(expression.Name("first"), expression.Value("x"))).
			Add(expression.Name("plays"), expression.Value(1)).
			Delete(expression.Name("tags"), expression.Value(&types.AttributeValueMemberSS{Value: []string{"one"}})).
			Remove(expression.Name("gone"))).
		WithCondition(expression.And(
			expression.Name("year").Between(expression.Value(1), expression.Value(2)),
			expression.Name("tags").Contains("two"),
			expression.Name("charts").Size().Equal(expression.Value(1)),
		)))
	answer, err := client.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
		TableName: &name, Key: key("a", "b"), UpdateExpression: update.Update(),
		ConditionExpression: update.Condition(), ExpressionAttributeNames: update.Names(),
		ExpressionAttributeValues: update.Values(), ReturnValues: types.ReturnValueUpdatedNew,
	})
	must(t)(answer, err)
	var changed map[string]any
	must(t)(nil, attributevalue.UnmarshalMap(answer.Attributes, &changed))
	equal(t, changed["plays"], float64(1))
	equal(t, changed["seconds"], float64(10))
	equal(t, changed["charts"], []any{float64(1), float64(7)})
	equal(t, get(t, name, "a", "b").Tags, []string{"two"})

	_, err = client.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
		TableName: &name, Key: key("a", "b"), UpdateExpression: aws.String("SET year = :y"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":y": &types.AttributeValueMemberN{Value: "2"}},
	})
	isInvalid(t, err, "Invalid UpdateExpression: Attribute name is a reserved keyword; reserved keyword: year")

	gone, err := client.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{
		TableName: &name, Key: key("a", "b"), ReturnValues: types.ReturnValueAllOld,
	})
	must(t)(gone, err)
	equal(t, gone.Attributes["rating"].(*types.AttributeValueMemberN).Value, "2.5")
	if get(t, name, "a", "b") != nil {
		t.Fatal("still there")
	}
}

func TestErrorsHaveTheirTypes(t *testing.T) {
	name := table(t)
	_, err := client.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: aws.String("nosuch"), Key: key("a", "b")})
	failsWith[*types.ResourceNotFoundException](t, err)
	_, err = client.PutItem(t.Context(), &dynamodb.PutItemInput{
		TableName: &name, Item: map[string]types.AttributeValue{"artist": &types.AttributeValueMemberS{Value: "a"}},
	})
	isInvalid(t, err, "One or more parameter values were invalid: Missing the key title in the item")
	large := song{Artist: "a", Title: "b", Credits: map[string]string{"x": strings.Repeat("x", 400*1024)}}
	_, err = client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &name, Item: marshal(t, large)})
	isInvalid(t, err, "Item size has exceeded the maximum allowed size")
	_, err = client.CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName:            &name,
		BillingMode:          types.BillingModePayPerRequest,
		KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("a"), KeyType: types.KeyTypeHash}},
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("a"), AttributeType: "S"}},
	})
	failsWith[*types.ResourceInUseException](t, err)
}
