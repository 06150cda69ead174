"""Who is who: people, their posts and accounts, and the organizations that they belong to."""
