// The AWS SDK for Java v2 over ExtendDB: the plain client, the enhanced client with beans, paginators, waiters, streams.

import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.enhanced.dynamodb.DynamoDbEnhancedClient;
import software.amazon.awssdk.enhanced.dynamodb.DynamoDbTable;
import software.amazon.awssdk.enhanced.dynamodb.Expression;
import software.amazon.awssdk.enhanced.dynamodb.Key;
import software.amazon.awssdk.enhanced.dynamodb.TableSchema;
import software.amazon.awssdk.enhanced.dynamodb.extensions.VersionedRecordExtension;
import software.amazon.awssdk.enhanced.dynamodb.extensions.annotations.DynamoDbVersionAttribute;
import software.amazon.awssdk.enhanced.dynamodb.mapper.annotations.DynamoDbBean;
import software.amazon.awssdk.enhanced.dynamodb.mapper.annotations.DynamoDbPartitionKey;
import software.amazon.awssdk.enhanced.dynamodb.mapper.annotations.DynamoDbSecondaryPartitionKey;
import software.amazon.awssdk.enhanced.dynamodb.mapper.annotations.DynamoDbSecondarySortKey;
import software.amazon.awssdk.enhanced.dynamodb.mapper.annotations.DynamoDbSortKey;
import software.amazon.awssdk.enhanced.dynamodb.model.QueryConditional;
import software.amazon.awssdk.enhanced.dynamodb.model.ReadBatch;
import software.amazon.awssdk.enhanced.dynamodb.model.WriteBatch;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.model.AttributeAction;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;
import software.amazon.awssdk.services.dynamodb.model.BatchStatementErrorCodeEnum;
import software.amazon.awssdk.services.dynamodb.model.ConditionalCheckFailedException;
import software.amazon.awssdk.services.dynamodb.model.DuplicateItemException;
import software.amazon.awssdk.services.dynamodb.model.DynamoDbException;
import software.amazon.awssdk.services.dynamodb.model.KeysAndAttributes;
import software.amazon.awssdk.services.dynamodb.model.Record;
import software.amazon.awssdk.services.dynamodb.model.ResourceNotFoundException;
import software.amazon.awssdk.services.dynamodb.model.ReturnValue;
import software.amazon.awssdk.services.dynamodb.model.ReturnValuesOnConditionCheckFailure;
import software.amazon.awssdk.services.dynamodb.model.ShardIteratorType;
import software.amazon.awssdk.services.dynamodb.model.StreamViewType;
import software.amazon.awssdk.services.dynamodb.model.TransactWriteItem;
import software.amazon.awssdk.services.dynamodb.model.TransactionCanceledException;
import software.amazon.awssdk.services.dynamodb.streams.DynamoDbStreamsClient;

public class Libraries {
    static final String TABLE = "java-books";
    static DynamoDbClient client;
    static DynamoDbStreamsClient streams;
    static DynamoDbEnhancedClient enhanced;
    static DynamoDbTable<Book> books;

    @DynamoDbBean
    public static class Book {
        private String shelf;
        private Integer number;
        private String author;
        private Integer pages;
        private Set<String> kinds;
        private List<Double> marks;
        private Map<String, String> notes;
        private SdkBytes cover;
        private Boolean lent;
        private Long version;

        @DynamoDbPartitionKey public String getShelf() { return shelf; }
        public void setShelf(String value) { shelf = value; }
        @DynamoDbSortKey public Integer getNumber() { return number; }
        public void setNumber(Integer value) { number = value; }
        @DynamoDbSecondaryPartitionKey(indexNames = "by-author") public String getAuthor() { return author; }
        public void setAuthor(String value) { author = value; }
        @DynamoDbSecondarySortKey(indexNames = {"by-author", "by-pages"}) public Integer getPages() { return pages; }
        public void setPages(Integer value) { pages = value; }
        public Set<String> getKinds() { return kinds; }
        public void setKinds(Set<String> value) { kinds = value; }
        public List<Double> getMarks() { return marks; }
        public void setMarks(List<Double> value) { marks = value; }
        public Map<String, String> getNotes() { return notes; }
        public void setNotes(Map<String, String> value) { notes = value; }
        public SdkBytes getCover() { return cover; }
        public void setCover(SdkBytes value) { cover = value; }
        public Boolean getLent() { return lent; }
        public void setLent(Boolean value) { lent = value; }
        @DynamoDbVersionAttribute public Long getVersion() { return version; }
        public void setVersion(Long value) { version = value; }
    }

    interface Check { void run() throws Exception; }

    public static void main(String[] arguments) {
        connect();
        createTable();
        Map<String, Check> checks = new LinkedHashMap<>();
        checks.put("beans come back", Libraries::beansComeBack);
        checks.put("versions guard against lost updates", Libraries::versions);
        checks.put("queries and indexes", Libraries::queries);
        checks.put("pages and scans", Libraries::pages);
        checks.put("updates and conditions", Libraries::updates);
        checks.put("batches", Libraries::batches);
        checks.put("transactions", Libraries::transactions);
        checks.put("statements", Libraries::statements);
        checks.put("streams and expiry", Libraries::streamsAndExpiry);
        int failed = 0;
        for (Map.Entry<String, Check> each : checks.entrySet()) {
            try {
                each.getValue().run();
                System.out.println("ok - " + each.getKey());
            } catch (Throwable error) {
                failed++;
                System.out.println("not ok - " + each.getKey());
                error.printStackTrace(System.out);
            }
        }
        books.deleteTable();
        client.waiter().waitUntilTableNotExists(request -> request.tableName(TABLE));
        System.exit(failed);
    }

    static void connect() {
        client = DynamoDbClient.builder()
            .endpointOverride(URI.create(System.getenv("AWS_ENDPOINT_URL_DYNAMODB")))
            .httpClient(UrlConnectionHttpClient.create())
            .overrideConfiguration(override -> override.apiCallTimeout(Duration.ofSeconds(30)))
            .build();
        streams = DynamoDbStreamsClient.builder()
            .endpointOverride(URI.create(System.getenv("AWS_ENDPOINT_URL_DYNAMODB_STREAMS")))
            .httpClient(UrlConnectionHttpClient.create())
            .build();
        enhanced = DynamoDbEnhancedClient.builder()
            .dynamoDbClient(client)
            .extensions(VersionedRecordExtension.builder().build())
            .build();
    }

    static void createTable() {
        books = enhanced.table(TABLE, TableSchema.fromBean(Book.class));
        books.createTable(table -> table
            .globalSecondaryIndices(index -> index.indexName("by-author").projection(part -> part.projectionType("ALL")))
            .localSecondaryIndices(index -> index.indexName("by-pages").projection(part -> part.projectionType("ALL")))
            .streamSpecification(stream -> stream.streamEnabled(true).streamViewType(StreamViewType.NEW_AND_OLD_IMAGES)));
        client.waiter().waitUntilTableExists(request -> request.tableName(TABLE)).matched().response().orElseThrow();
        // Batches have no conditions, and so no versions.
        DynamoDbEnhancedClient plain = DynamoDbEnhancedClient.builder().dynamoDbClient(client).extensions().build();
        DynamoDbTable<Book> unversioned = plain.table(TABLE, TableSchema.fromBean(Book.class));
        for (int start = 0; start < 50; start += 25) {
            WriteBatch.Builder<Book> batch = WriteBatch.builder(Book.class).mappedTableResource(unversioned);
            IntStream.range(start, start + 25).forEach(number -> batch.addPutItem(book(number)));
            equal(plain.batchWriteItem(request -> request.writeBatches(batch.build())).unprocessedPutItemsForTable(unversioned).size(), 0);
        }
    }

    static Book book(int number) {
        Book book = new Book();
        book.setShelf("s" + number % 2);
        book.setNumber(number);
        book.setAuthor("a" + number % 3);
        book.setPages(500 - number);
        return book;
    }

    static void beansComeBack() {
        Book whole = book(1000);
        whole.setAuthor("é☃\u0000");
        whole.setKinds(Set.of("x", "y"));
        whole.setMarks(List.of(1.5, -2.0));
        whole.setNotes(Map.of("a", "", "b", "c"));
        whole.setCover(SdkBytes.fromByteArray(new byte[] {0, -1}));
        whole.setLent(false);
        books.putItem(whole);
        Book found = books.getItem(request -> request.key(keyOf(whole)).consistentRead(true));
        equal(found.getAuthor(), whole.getAuthor());
        equal(found.getKinds(), whole.getKinds());
        equal(found.getMarks(), whole.getMarks());
        equal(found.getNotes(), whole.getNotes());
        equal(found.getCover(), whole.getCover());
        equal(found.getLent(), false);
        equal(books.deleteItem(found).getAuthor(), whole.getAuthor());
        equal(books.getItem(keyOf(whole)), null);
        equal(books.describeTable().table().globalSecondaryIndexes().get(0).indexName(), "by-author");
    }

    static void versions() {
        books.putItem(book(2000));
        Book one = books.getItem(keyOf(book(2000)));
        Book other = books.getItem(keyOf(book(2000)));
        one.setPages(1);
        equal(books.updateItem(one).getVersion(), one.getVersion() + 1);
        other.setPages(2);
        fails(ConditionalCheckFailedException.class, () -> books.updateItem(other));
        Expression absent = Expression.builder().expression("attribute_not_exists(shelf)").build();
        fails(ConditionalCheckFailedException.class,
            () -> books.putItem(request -> request.item(book(2000)).conditionExpression(absent)));
        books.deleteItem(keyOf(book(2000)));
    }

    static void queries() {
        QueryConditional some = QueryConditional.sortBetween(
            key -> key.partitionValue("s0").sortValue(4), key -> key.partitionValue("s0").sortValue(10));
        equal(numbers(books.query(some).items().stream().toList()), List.of(4, 6, 8, 10));
        Expression filter = Expression.builder().expression("author IN (:a, :b) AND pages < :p")
            .putExpressionValue(":a", text("a0")).putExpressionValue(":b", text("a1")).putExpressionValue(":p", number(490))
            .build();
        List<Book> filtered = books.query(request -> request
            .queryConditional(QueryConditional.sortLessThan(key -> key.partitionValue("s1").sortValue(20)))
            .filterExpression(filter).scanIndexForward(false).limit(3)).items().stream().toList();
        equal(numbers(filtered), List.of(19, 15, 13));
        List<Integer> indexed = books.index("by-author")
            .query(QueryConditional.sortGreaterThanOrEqualTo(key -> key.partitionValue("a2").sortValue(490)))
            .stream().flatMap(page -> page.items().stream()).map(Book::getNumber).toList();
        equal(indexed, List.of(8, 5, 2));
        List<Integer> local = books.index("by-pages")
            .query(request -> request.consistentRead(true)
                .queryConditional(QueryConditional.sortLessThan(key -> key.partitionValue("s1").sortValue(454))))
            .stream().flatMap(page -> page.items().stream()).map(Book::getNumber).toList();
        equal(local, List.of(49, 47));
    }

    static void pages() {
        var pages = books.query(request -> request.limit(7).queryConditional(QueryConditional.keyEqualTo(key -> key.partitionValue("s0"))));
        equal(pages.stream().map(page -> page.items().size()).toList(), List.of(7, 7, 7, 4));
        Set<Integer> seen = new HashSet<>();
        for (int segment = 0; segment < 3; segment++) {
            int part = segment;
            client.scanPaginator(request -> request.tableName(TABLE).segment(part).totalSegments(3).limit(5))
                .items().forEach(item -> check(seen.add(Integer.valueOf(item.get("number").n()))));
        }
        equal(seen.size(), 50);
        check(client.listTablesPaginator(request -> request.limit(1)).tableNames().stream().toList().contains(TABLE));
    }

    static void updates() {
        Map<String, AttributeValue> key = Map.of("shelf", text("u"), "number", number(1));
        client.updateItem(request -> request.tableName(TABLE).key(key)
            .updateExpression("SET pages = if_not_exists(pages, :p), marks = :m, notes = :n ADD kinds :k")
            .conditionExpression("attribute_not_exists(shelf)")
            .expressionAttributeValues(Map.of(":p", number(7), ":m", AttributeValue.fromL(List.of(number(1))),
                ":k", AttributeValue.fromSs(List.of("one", "two")), ":n", AttributeValue.fromM(Map.of("x", text("1"))))));
        Map<String, AttributeValue> changed = client.updateItem(request -> request.tableName(TABLE).key(key)
            .updateExpression("SET pages = pages + :p, marks = list_append(marks, :m) REMOVE notes.x DELETE kinds :k")
            .conditionExpression("size(marks) = :p AND contains(kinds, :one) AND pages BETWEEN :p AND :ten")
            .expressionAttributeValues(Map.of(":p", number(1), ":ten", number(10), ":one", text("one"),
                ":m", AttributeValue.fromL(List.of(number(2))), ":k", AttributeValue.fromSs(List.of("one"))))
            .returnValues(ReturnValue.ALL_NEW)).attributes();
        equal(changed.get("pages").n(), "8");
        equal(changed.get("marks").l(), List.of(number(1), number(2)));
        equal(changed.get("kinds").ss(), List.of("two"));
        equal(changed.get("notes").m(), Map.of());
        ConditionalCheckFailedException failed = fails(ConditionalCheckFailedException.class, () -> client.deleteItem(request -> request
            .tableName(TABLE).key(key).conditionExpression("pages = :p").expressionAttributeValues(Map.of(":p", number(1)))
            .returnValuesOnConditionCheckFailure(ReturnValuesOnConditionCheckFailure.ALL_OLD)));
        equal(failed.item().get("pages").n(), "8");
        DynamoDbException invalid = fails(DynamoDbException.class,
            () -> client.putItem(request -> request.tableName(TABLE).item(Map.of("shelf", text("u")))));
        equal(invalid.awsErrorDetails().errorCode(), "ValidationException");
        equal(invalid.awsErrorDetails().errorMessage(),
            "One or more parameter values were invalid: Missing the key number in the item");
        client.deleteItem(request -> request.tableName(TABLE).key(key));
    }

    static void batches() {
        String body = "x".repeat(380_000);
        for (int number = 0; number < 48; number++) {
            Map<String, AttributeValue> item = Map.of("shelf", text("large"), "number", number(number), "body", text(body));
            client.putItem(request -> request.tableName(TABLE).item(item));
        }
        List<Map<String, AttributeValue>> keys = IntStream.range(0, 48)
            .mapToObj(number -> Map.of("shelf", text("large"), "number", number(number))).toList();
        Map<String, KeysAndAttributes> first = Map.of(TABLE, KeysAndAttributes.builder().keys(keys).projectionExpression("shelf").build());
        int found = 0;
        int requests = 0;
        for (var page : client.batchGetItemPaginator(request -> request.requestItems(first))) {
            found += page.responses().getOrDefault(TABLE, List.of()).size();
            requests++;
        }
        equal(List.of(found, requests), List.of(48, 2));
        keys.forEach(key -> client.deleteItem(request -> request.tableName(TABLE).key(key)));
        ReadBatch.Builder<Book> reads = ReadBatch.builder(Book.class).mappedTableResource(books);
        IntStream.range(0, 30).forEach(number -> reads.addGetItem(keyOf(book(number))));
        equal(enhanced.batchGetItem(request -> request.readBatches(reads.build())).resultsForTable(books).stream().count(), 30L);
    }

    static void transactions() {
        enhanced.transactWriteItems(request -> request
            .addPutItem(books, book(3000))
            .addConditionCheck(books, check -> check.key(keyOf(book(0)))
                .conditionExpression(Expression.builder().expression("attribute_exists(shelf)").build())));
        equal(enhanced.transactGetItems(request -> request.addGetItem(books, keyOf(book(3000))).addGetItem(books, keyOf(book(3001))))
            .stream().map(document -> document.getItem(books) == null).toList(), List.of(false, true));
        Map<String, AttributeValue> item = Map.of("shelf", text("s0"), "number", number(3000));
        TransactWriteItem put = TransactWriteItem.builder().put(each -> each.tableName(TABLE).item(item)
            .conditionExpression("attribute_not_exists(shelf)")
            .returnValuesOnConditionCheckFailure(ReturnValuesOnConditionCheckFailure.ALL_OLD)).build();
        TransactWriteItem delete = TransactWriteItem.builder().delete(each -> each.tableName(TABLE)
            .key(Map.of("shelf", text("s1"), "number", number(1)))).build();
        TransactionCanceledException canceled = fails(TransactionCanceledException.class,
            () -> client.transactWriteItems(request -> request.transactItems(delete, put)));
        equal(canceled.cancellationReasons().stream().map(reason -> reason.code()).toList(), List.of("None", "ConditionalCheckFailed"));
        equal(canceled.cancellationReasons().get(1).item().get("pages").n(), "-2500");
        check(books.getItem(keyOf(book(1))) != null);
        books.deleteItem(keyOf(book(3000)));
    }

    static void statements() {
        String insert = "INSERT INTO \"" + TABLE + "\" VALUE {'shelf': ?, 'number': ?, 'kinds': <<'x'>>}";
        client.executeStatement(request -> request.statement(insert).parameters(text("q"), number(1)));
        fails(DuplicateItemException.class,
            () -> client.executeStatement(request -> request.statement(insert).parameters(text("q"), number(1))));
        String where = "\" WHERE shelf = 'q' AND \"number\" = 1";
        var gone = client.executeStatement(request -> request.statement("DELETE FROM \"" + TABLE + where + " RETURNING ALL OLD *"));
        equal(gone.items().get(0).get("kinds").ss(), List.of("x"));
        var batch = client.batchExecuteStatement(request -> request.statements(
            each -> each.statement("SELECT pages FROM \"" + TABLE + "\" WHERE shelf = 's0' AND \"number\" = 0"),
            each -> each.statement("SELECT pages FROM \"" + TABLE + "\" WHERE shelf = 's0'")));
        equal(batch.responses().get(0).item().get("pages").n(), "500");
        equal(batch.responses().get(1).error().code(), BatchStatementErrorCodeEnum.VALIDATION_ERROR);
        equal(fails(DynamoDbException.class, () -> client.executeStatement(request -> request.statement("SELEC * FROM x")))
            .awsErrorDetails().errorMessage(), "Statement wasn't well formed, can't be processed: Expected data manipulation");
    }

    static void streamsAndExpiry() throws InterruptedException {
        String arn = client.describeTable(request -> request.tableName(TABLE)).table().latestStreamArn();
        equal(streams.listStreams(request -> request.tableName(TABLE)).streams().get(0).streamArn(), arn);
        Map<String, AttributeValue> key = Map.of("shelf", text("stream"), "number", number(1));
        client.putItem(request -> request.tableName(TABLE).item(key));
        client.updateItem(request -> request.tableName(TABLE).key(key).attributeUpdates(Map.of("pages",
            software.amazon.awssdk.services.dynamodb.model.AttributeValueUpdate.builder().action(AttributeAction.PUT).value(number(3)).build())));
        client.deleteItem(request -> request.tableName(TABLE).key(key));
        List<Record> mine = new ArrayList<>();
        for (var shard : streams.describeStream(request -> request.streamArn(arn)).streamDescription().shards()) {
            String next = streams.getShardIterator(request -> request.streamArn(arn).shardId(shard.shardId())
                .shardIteratorType(ShardIteratorType.TRIM_HORIZON)).shardIterator();
            for (int tries = 0; next != null && tries < 200 && mine.size() < 3; tries++) {
                String at = next;
                var page = streams.getRecords(request -> request.shardIterator(at));
                page.records().stream().filter(each -> each.dynamodb().keys().get("shelf").s().equals("stream")).forEach(mine::add);
                next = page.nextShardIterator();
                if (page.records().isEmpty()) Thread.sleep(25);
            }
        }
        equal(mine.stream().map(Record::eventNameAsString).toList(), List.of("INSERT", "MODIFY", "REMOVE"));
        equal(mine.get(1).dynamodb().newImage().get("pages").n(), "3");
        client.updateTimeToLive(request -> request.tableName(TABLE)
            .timeToLiveSpecification(each -> each.attributeName("until").enabled(true)));
        equal(client.describeTimeToLive(request -> request.tableName(TABLE)).timeToLiveDescription().attributeName(), "until");
        fails(ResourceNotFoundException.class, () -> client.describeTable(request -> request.tableName("nosuch")));
    }

    static Key keyOf(Book book) { return Key.builder().partitionValue(book.getShelf()).sortValue(book.getNumber()).build(); }
    static AttributeValue text(String value) { return AttributeValue.fromS(value); }
    static AttributeValue number(int value) { return AttributeValue.fromN(String.valueOf(value)); }
    static List<Integer> numbers(Collection<Book> found) { return found.stream().map(Book::getNumber).collect(Collectors.toList()); }
    static void check(boolean holds) { if (!holds) throw new AssertionError(); }
    static void equal(Object found, Object right) {
        if (!Objects.equals(found, right)) throw new AssertionError("found " + found + ", not " + right);
    }
    static <E extends Exception> E fails(Class<E> type, Check act) {
        try {
            act.run();
        } catch (Exception error) {
            if (type.isInstance(error)) return type.cast(error);
            throw new AssertionError(error);
        }
        throw new AssertionError("no " + type.getSimpleName());
    }
}
