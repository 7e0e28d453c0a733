// The AWS SDK for Go v2 over ExtendDB: every feature of the data plane, streams, and checksums of all answers.
package libraries

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"
)

var (
	client  *dynamodb.Client
	streams *dynamodbstreams.Client
	answers = &checkingTransport{inner: http.DefaultTransport}
	logged  atomic.Int64
)

// checkingTransport compares the checksum of every answer with its bytes, which the SDK only does where it finds one.
type checkingTransport struct {
	inner  http.RoundTripper
	seen   atomic.Int64
	failed atomic.Int64
}

func (t *checkingTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := t.inner.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(response.Body)
	response.Body.Close()
	if err != nil {
		return nil, err
	}
	t.seen.Add(1)
	if response.Header.Get("X-Amz-Crc32") != strconv.FormatUint(uint64(crc32.ChecksumIEEE(body)), 10) {
		t.failed.Add(1)
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response, nil
}

func TestMain(m *testing.M) {
	given := credentials.NewStaticCredentialsProvider(os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY"), "")
	client = connect(given)
	streams = dynamodbstreams.NewFromConfig(settings(given), func(options *dynamodbstreams.Options) {
		options.BaseEndpoint = aws.String(os.Getenv("AWS_ENDPOINT_URL_DYNAMODB_STREAMS"))
	})
	code := m.Run()
	if code == 0 && (logged.Load() != 0 || answers.failed.Load() != 0 || answers.seen.Load() == 0) {
		fmt.Printf("%d messages logged, %d of %d checksums wrong\n",
			logged.Load(), answers.failed.Load(), answers.seen.Load())
		code = 1
	}
	os.Exit(code)
}

// settings counts what the SDK logs: it warns of wrong checksums, and of bodies that it could not close.
func settings(credentials aws.CredentialsProvider) aws.Config {
	return aws.Config{
		Region:      os.Getenv("AWS_REGION"),
		Credentials: credentials,
		HTTPClient:  &http.Client{Transport: answers, Timeout: 20 * time.Second},
		Logger: logging.LoggerFunc(func(kind logging.Classification, format string, values ...any) {
			logged.Add(1)
			fmt.Printf("%s "+format+"\n", append([]any{kind}, values...)...)
		}),
		RetryMaxAttempts: 2,
	}
}

func connect(credentials aws.CredentialsProvider) *dynamodb.Client {
	return dynamodb.NewFromConfig(settings(credentials), func(options *dynamodb.Options) {
		options.BaseEndpoint = aws.String(os.Getenv("AWS_ENDPOINT_URL_DYNAMODB"))
	})
}

// table makes a table of songs by artist and title, with indexes by year and by length, and removes it after the test.
func table(t *testing.T, change ...func(*dynamodb.CreateTableInput)) string {
	t.Helper()
	name := "go-" + t.Name()
	input := &dynamodb.CreateTableInput{
		TableName:   &name,
		BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{
			{AttributeName: aws.String("artist"), AttributeType: types.ScalarAttributeTypeS},
			{AttributeName: aws.String("title"), AttributeType: types.ScalarAttributeTypeS},
			{AttributeName: aws.String("year"), AttributeType: types.ScalarAttributeTypeN},
			{AttributeName: aws.String("seconds"), AttributeType: types.ScalarAttributeTypeN},
		},
		KeySchema: []types.KeySchemaElement{
			{AttributeName: aws.String("artist"), KeyType: types.KeyTypeHash},
			{AttributeName: aws.String("title"), KeyType: types.KeyTypeRange},
		},
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{{
			IndexName: aws.String("years"),
			KeySchema: []types.KeySchemaElement{
				{AttributeName: aws.String("year"), KeyType: types.KeyTypeHash},
				{AttributeName: aws.String("title"), KeyType: types.KeyTypeRange},
			},
			Projection: &types.Projection{ProjectionType: types.ProjectionTypeAll},
		}},
		LocalSecondaryIndexes: []types.LocalSecondaryIndex{{
			IndexName: aws.String("lengths"),
			KeySchema: []types.KeySchemaElement{
				{AttributeName: aws.String("artist"), KeyType: types.KeyTypeHash},
				{AttributeName: aws.String("seconds"), KeyType: types.KeyTypeRange},
			},
			Projection: &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly},
		}},
	}
	for _, each := range change {
		each(input)
	}
	must(t)(client.CreateTable(t.Context(), input))
	described := &dynamodb.DescribeTableInput{TableName: &name}
	if err := dynamodb.NewTableExistsWaiter(client).Wait(t.Context(), described, 20*time.Second); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx := context.Background()
		if _, err := client.DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: &name}); err != nil {
			t.Error(err)
		}
		if err := dynamodb.NewTableNotExistsWaiter(client).Wait(ctx, described, 20*time.Second); err != nil {
			t.Error(err)
		}
	})
	return name
}

// must fails the test at once if a call failed.
func must(t *testing.T) func(any, error) {
	t.Helper()
	return func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
}

// failsWith checks the type of an error and returns it.
func failsWith[E error](t *testing.T, err error) E {
	t.Helper()
	var wanted E
	if !errors.As(err, &wanted) {
		t.Fatalf("not the expected error: %v", err)
	}
	return wanted
}

// isInvalid checks that an error is a ValidationException with a text.
func isInvalid(t *testing.T, err error, text string) {
	t.Helper()
	found := failsWith[smithy.APIError](t, err)
	if found.ErrorCode() != "ValidationException" || found.ErrorMessage() != text {
		t.Fatalf("%s: %s", found.ErrorCode(), found.ErrorMessage())
	}
}

// equal checks two values by what they print as.
func equal(t *testing.T, found, wanted any) {
	t.Helper()
	if fmt.Sprintf("%#v", found) != fmt.Sprintf("%#v", wanted) {
		t.Fatalf("found %#v, not %#v", found, wanted)
	}
}
