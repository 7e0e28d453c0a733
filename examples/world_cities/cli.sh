#!/bin/sh
# The main access patterns with the AWS CLI, compared with the answers computed in plain Python.
#
#     python -m examples.world_cities.answers answers.json
#     sh cli.sh answers.json http://localhost:8000
#
# The table must be loaded. Without an endpoint the CLI takes AWS_ENDPOINT_URL_DYNAMODB, or AWS itself.
# PYTHON names the interpreter that reads the answers; any Python 3 does.
set -eu

ANSWERS=$1
ENDPOINT=${2:-}
TABLE=${WORLD_CITIES_TABLE:-WorldCities}
PYTHON=${PYTHON:-python3}
export AWS_PAGER=

# call COMMAND ARGUMENT...: the answer of the server, as the CLI prints it.
call() {
    command=$1
    shift
    aws dynamodb "$command" --table-name "$TABLE" --output json ${ENDPOINT:+--endpoint-url "$ENDPOINT"} "$@"
}

# dynamodb COMMAND ARGUMENT...: the answer on one line, with sorted keys, so that it can be compared.
dynamodb() {
    call "$@" > "$WORK/out"
    "$PYTHON" -c 'import json, sys; print(json.dumps(json.load(sys.stdin), sort_keys=True))' < "$WORK/out"
}

# answer EXPRESSION: part of the answers; `a` is the whole file. Text as it is, all else as JSON on one line.
answer() {
    "$PYTHON" -c '
import json, sys
value = eval(sys.argv[2], {"a": json.load(open(sys.argv[1], encoding="utf-8"))})
print(value if isinstance(value, str) else json.dumps(value, sort_keys=True))' "$ANSWERS" "$1"
}

# check TITLE GOT WANT
check() {
    if [ "$2" != "$3" ]; then
        printf 'WRONG  %s\n  the server says  %s\n  the records say  %s\n' "$1" "$2" "$3" >&2
        exit 1
    fi
    echo "ok  $1"
}

WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT

# 1. A city by its key.
CITY_KEY=$(answer '{
    "pk": {"S": "COUNTRY#" + a["city"]["country"]},
    "sk": {"S": "CITY#{region}#{name}#{geonameid}".format(**a["city"])}}')
check "a city by its key" \
    "$(dynamodb get-item --key "$CITY_KEY" --consistent-read --query 'Item.[name.S, population.N, timezone.S]')" \
    "$(answer '[a["city"]["name"], str(a["city"]["population"]), a["city"]["timezone"]]')"

# 2. Names in a region that start with a prefix, in the order of the sort key.
check "names in a region" \
    "$(dynamodb query --key-condition-expression 'pk = :pk AND begins_with(sk, :start)' \
        --expression-attribute-values "$(answer '{
            ":pk": {"S": "COUNTRY#" + a["prefix"]["country"]},
            ":start": {"S": "CITY#{region}#{prefix}".format(**a["prefix"])}}')" \
        --query 'Items[].name.S')" \
    "$(answer 'a["prefix"]["names"]')"

# 3. The largest cities of a country, from the local index.
check "the largest cities of a country" \
    "$(dynamodb query --index-name by-population --no-scan-index-forward --max-items "$(answer 'a["largest"]["count"]')" \
        --key-condition-expression 'pk = :pk' \
        --expression-attribute-values "$(answer '{":pk": {"S": "COUNTRY#" + a["largest"]["country"]}}')" \
        --query 'Items[].[name.S, population.N]')" \
    "$(answer '[[name, str(population)] for name, population in a["largest"]["cities"]]')"

# 4. A count between two populations.
check "a count between two populations" \
    "$(dynamodb query --index-name by-population --select COUNT \
        --key-condition-expression 'pk = :pk AND population BETWEEN :low AND :high' \
        --expression-attribute-values "$(answer '{
            ":pk": {"S": "COUNTRY#" + a["between"]["country"]},
            ":low": {"N": str(a["between"]["low"])},
            ":high": {"N": str(a["between"]["high"])}}')" \
        --query Count)" \
    "$(answer 'a["between"]["count"]')"

# 5. The largest cities of the world, from the sparse global index.
check "the largest cities of the world" \
    "$(dynamodb query --index-name leaders --no-scan-index-forward --max-items "$(answer 'a["leaders"]["count"]')" \
        --key-condition-expression 'board = :world' --expression-attribute-values '{":world": {"S": "WORLD"}}' \
        --query 'Items[].[name.S, country.S, population.N]')" \
    "$(answer '[[name, country, str(people)] for name, country, people in a["leaders"]["cities"]]')"

# 6. A whole partition with a filter: the CLI follows the pages by itself and adds their counts.
check "a filter by time zone" \
    "$(dynamodb query --select COUNT --key-condition-expression 'pk = :pk AND begins_with(sk, :city)' \
        --filter-expression '#timezone = :timezone' --expression-attribute-names '{"#timezone": "timezone"}' \
        --expression-attribute-values "$(answer '{
            ":pk": {"S": "COUNTRY#" + a["timezone"]["country"]},
            ":city": {"S": "CITY#"},
            ":timezone": {"S": a["timezone"]["timezone"]}}')" \
        --query '[Count, ScannedCount]')" \
    "$(answer '[a["timezone"]["count"], a["timezone"]["scanned"]]')"

# 7. A partition in slices: --max-items stops the CLI, and its token goes on.
slice() {
    call query --index-name by-population --max-items 30 --key-condition-expression 'pk = :pk' \
        --expression-attribute-values "$(answer '{":pk": {"S": "CONTINENT#" + a["continent"]["continent"]}}')" "$@"
}
slice > "$WORK/first"
TOKEN=$("$PYTHON" -c 'import json, sys; print(json.load(sys.stdin)["NextToken"])' < "$WORK/first")
slice --starting-token "$TOKEN" > "$WORK/rest"
check "the countries of a continent in two slices" \
    "$("$PYTHON" -c '
import json, sys
items = [item for name in sys.argv[1:] for item in json.load(open(name, encoding="utf-8"))["Items"]]
print(json.dumps(sorted(item["sk"]["S"].removeprefix("COUNTRY#") for item in items)))' "$WORK/first" "$WORK/rest")" \
    "$(answer 'a["continent"]["codes"]')"

# 8. A tally that counts a region once: the second time the condition does not hold.
TALLY_KEY=$(answer '{"pk": {"S": "COUNTRY#" + a["tally"]["country"]}, "sk": {"S": "TALLY#cli"}}')
REGION=$(answer 'a["tally"]["regions"][0][0]')
call delete-item --key "$TALLY_KEY"
call query \
    --key-condition-expression 'pk = :pk AND begins_with(sk, :region)' \
    --expression-attribute-values "$(answer '{
        ":pk": {"S": "COUNTRY#" + a["tally"]["country"]},
        ":region": {"S": "CITY#" + a["tally"]["regions"][0][0] + "#"}}')" \
    --query 'Items[].population.N' > "$WORK/populations"
VALUES=$("$PYTHON" -c '
import json, sys
region, numbers = sys.argv[1], [int(number) for number in json.load(sys.stdin)]
print(json.dumps({":region": {"S": region}, ":regions": {"SS": [region]},
                  ":cities": {"N": str(len(numbers))}, ":people": {"N": str(sum(numbers))}}))' \
    "$REGION" < "$WORK/populations")
tally() {
    dynamodb update-item --key "$TALLY_KEY" --condition-expression 'NOT contains(regions, :region)' \
        --update-expression 'ADD cities :cities, people :people, regions :regions' \
        --expression-attribute-values "$VALUES" --return-values ALL_NEW \
        --query 'Attributes.[cities.N, people.N, regions.SS]'
}
check "a tally of a region" "$(tally)" \
    "$(answer '[str(a["tally"]["regions"][0][1]), str(a["tally"]["regions"][0][2]), [a["tally"]["regions"][0][0]]]')"
if tally > "$WORK/again" 2>&1; then
    check "a second tally is refused" "accepted" "refused"
fi
grep -q ConditionalCheckFailedException "$WORK/again"
echo "ok  a second tally is refused"
