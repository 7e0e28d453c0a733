"""PartiQL statements as the plans, ranges and conditions that all other operations are made of."""
