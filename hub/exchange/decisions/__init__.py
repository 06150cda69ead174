"""What people decide: reviews, links, merges of entities and their undoing, replays."""
