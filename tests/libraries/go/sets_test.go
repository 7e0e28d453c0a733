package libraries

import (
	"fmt"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

func TestTransactions(t *testing.T) {
	name := table(t)
	must(t)(client.PutItem(t.Context(), &dynamodb.PutItemInput{
		TableName: &name, Item: marshal(t, song{Artist: "a", Title: "one", Plays: 1}),
	}))
	put := func(title string) types.TransactWriteItem {
		return types.TransactWriteItem{Put: &types.Put{
			TableName: &name, Item: marshal(t, song{Artist: "a", Title: title}),
			ConditionExpression:                 aws.String("attribute_not_exists(artist)"),
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		}}
	}
	count := types.TransactWriteItem{Update: &types.Update{
		TableName: &name, Key: key("a", "one"), UpdateExpression: aws.String("ADD plays :one"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":one": &types.AttributeValueMemberN{Value: "1"}},
	}}
	_, err := client.TransactWriteItems(t.Context(), &dynamodb.TransactWriteItemsInput{
		TransactItems: []types.TransactWriteItem{put("two"), put("one")},
	})
	canceled := failsWith[*types.TransactionCanceledException](t, err)
	equal(t, *canceled.CancellationReasons[0].Code, "None")
	equal(t, *canceled.CancellationReasons[1].Code, "ConditionalCheckFailed")
	equal(t, canceled.CancellationReasons[1].Item["plays"].(*types.AttributeValueMemberN).Value, "1")
	if get(t, name, "a", "two") != nil {
		t.Fatal("half of a transaction")
	}
	whole := &dynamodb.TransactWriteItemsInput{
		ClientRequestToken: aws.String("once"),
		TransactItems: []types.TransactWriteItem{
			put("two"), count,
			{ConditionCheck: &types.ConditionCheck{
				TableName: &name, Key: key("a", "three"), ConditionExpression: aws.String("attribute_not_exists(artist)"),
			}},
			{Delete: &types.Delete{TableName: &name, Key: key("a", "four")}},
		},
	}
	for range 3 {
		must(t)(client.TransactWriteItems(t.Context(), whole))
	}
	equal(t, get(t, name, "a", "one").Plays, 2)
	whole.TransactItems = []types.TransactWriteItem{count}
	_, err = client.TransactWriteItems(t.Context(), whole)
	failsWith[*types.IdempotentParameterMismatchException](t, err)

	answer, err := client.TransactGetItems(t.Context(), &dynamodb.TransactGetItemsInput{TransactItems: []types.TransactGetItem{
		{Get: &types.Get{TableName: &name, Key: key("a", "two"), ProjectionExpression: aws.String("title")}},
		{Get: &types.Get{TableName: &name, Key: key("a", "three")}},
	}})
	must(t)(answer, err)
	equal(t, len(answer.Responses[0].Item), 1)
	equal(t, len(answer.Responses[1].Item), 0)
}

func TestStatements(t *testing.T) {
	name := table(t)
	run := func(statement string, parameters ...types.AttributeValue) (*dynamodb.ExecuteStatementOutput, error) {
		return client.ExecuteStatement(t.Context(), &dynamodb.ExecuteStatementInput{
			Statement: aws.String(fmt.Sprintf(statement, name)), Parameters: parameters,
		})
	}
	text := func(value string) types.AttributeValue { return &types.AttributeValueMemberS{Value: value} }
	insert := `INSERT INTO "%s" VALUE {'artist': ?, 'title': ?, 'year': 2000, 'seconds': 1, 'tags': <<'x'>>}`
	must(t)(run(insert, text("a"), text("one")))
	_, err := run(insert, text("a"), text("one"))
	failsWith[*types.DuplicateItemException](t, err)
	changed, err := run(`UPDATE "%s" SET tags = set_add(tags, <<'y'>>) WHERE artist = ? AND title = ? RETURNING ALL NEW *`,
		text("a"), text("one"))
	must(t)(changed, err)
	tags := changed.Items[0]["tags"].(*types.AttributeValueMemberSS).Value
	slices.Sort(tags)
	equal(t, tags, []string{"x", "y"})
	_, err = run(`UPDATE "%s" SET tags = 1 WHERE artist = 'a' AND title = 'none'`)
	failsWith[*types.ConditionalCheckFailedException](t, err)
	_, err = run(`SELECT * FROM "%s" WHERE user = 'a'`)
	isInvalid(t, err, "Statement wasn't well formed, can't be processed: Unexpected keyword")

	batch, err := client.BatchExecuteStatement(t.Context(), &dynamodb.BatchExecuteStatementInput{
		Statements: []types.BatchStatementRequest{
			{Statement: aws.String(fmt.Sprintf(`SELECT title FROM "%s" WHERE artist = 'a' AND title = 'one'`, name))},
			{Statement: aws.String(fmt.Sprintf(`SELECT title FROM "%s" WHERE artist = 'a'`, name))},
		},
	})
	must(t)(batch, err)
	equal(t, len(batch.Responses[0].Item), 1)
	equal(t, batch.Responses[1].Error.Code, types.BatchStatementErrorCodeEnumValidationError)

	for number := range 25 {
		must(t)(run(insert, text("many"), text(fmt.Sprintf("%02d", number))))
	}
	var token *string
	found := []string{}
	for first := true; first || token != nil; first = false {
		page, err := client.ExecuteStatement(t.Context(), &dynamodb.ExecuteStatementInput{
			Statement: aws.String(fmt.Sprintf(`SELECT title FROM "%s" WHERE artist = 'many' ORDER BY title DESC`, name)),
			Limit:     aws.Int32(10), NextToken: token,
		})
		must(t)(page, err)
		found = append(found, titles(t, page.Items)...)
		token = page.NextToken
	}
	equal(t, len(found), 25)
	equal(t, found[0], "24")
}
