"""What the tests of the house rules, and the generated reference pages, read out of the code."""
