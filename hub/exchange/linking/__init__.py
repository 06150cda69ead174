"""Links that somebody knows already: a table of them, what each line means, and writing it."""
