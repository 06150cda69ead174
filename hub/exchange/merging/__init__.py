"""What an entity becomes, field by field: strength, rank, provenance."""
