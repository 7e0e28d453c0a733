package libraries

import (
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
)

func TestSignaturesAreChecked(t *testing.T) {
	list := func(key, secret string) error {
		// A client of its own: the signer keeps signing keys by the access key alone.
		other := connect(credentials.NewStaticCredentialsProvider(key, secret, ""))
		_, err := other.ListTables(t.Context(), &dynamodb.ListTablesInput{})
		return err
	}
	known := os.Getenv("AWS_ACCESS_KEY_ID")
	must(t)(nil, list(known, os.Getenv("AWS_SECRET_ACCESS_KEY")))
	equal(t, failsWith[smithy.APIError](t, list(known, "wrong")).ErrorCode(), "InvalidSignatureException")
	equal(t, failsWith[smithy.APIError](t, list("nobody", "wrong")).ErrorCode(), "UnrecognizedClientException")
}

func TestCompressedAnswers(t *testing.T) {
	name := table(t)
	large := song{Artist: "a", Title: "é☃\"\\\x00", Credits: map[string]string{"x": strings.Repeat("x", 100_000)}}
	must(t)(client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &name, Item: marshal(t, large)}))
	sizes := map[bool]int64{}
	for _, compressed := range []bool{false, true} {
		counted := &countingTransport{inner: answers}
		answer, err := client.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: &name, Key: key("a", large.Title)},
			func(options *dynamodb.Options) {
				options.EnableAcceptEncodingGzip = compressed
				options.HTTPClient = &http.Client{Transport: counted}
			})
		must(t)(answer, err)
		equal(t, len(answer.Item), len(marshal(t, large)))
		sizes[compressed] = counted.length
	}
	if sizes[true] > sizes[false] {
		t.Fatal(sizes)
	}
}

// countingTransport remembers the length of the last answer.
type countingTransport struct {
	inner  http.RoundTripper
	length int64
}

func (t *countingTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := t.inner.RoundTrip(request)
	if err == nil {
		t.length = response.ContentLength
	}
	return response, err
}

func TestManyAtOnce(t *testing.T) {
	name := table(t)
	const workers, each = 16, 10
	var running sync.WaitGroup
	for range workers {
		running.Add(1)
		go func() {
			defer running.Done()
			for range each {
				_, err := client.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
					TableName: &name, Key: key("a", "b"), UpdateExpression: aws.String("ADD plays :one"),
					ExpressionAttributeValues: map[string]types.AttributeValue{":one": &types.AttributeValueMemberN{Value: "1"}},
				})
				if err != nil {
					t.Error(err)
				}
			}
		}()
	}
	running.Wait()
	equal(t, get(t, name, "a", "b").Plays, workers*each)
}
