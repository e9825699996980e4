"""The corpus of damaged and odd streams in tests/fixtures/damage: how each is made, and its expected result."""
