"""What the scenarios measure with."""
