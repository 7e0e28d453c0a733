"""Moving data between DynamoDB endpoints: copy, sync, export and import."""
