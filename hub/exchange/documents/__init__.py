"""Documents: what they hold beside what is known of them."""
