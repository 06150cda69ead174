"""What people decide: reviews, links to import, replays."""
