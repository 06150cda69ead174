"""Which entity does a record belong to? Rules, likeness, decisions of people, and the reaction to each situation."""
