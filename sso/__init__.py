"""Single sign-on: federation in, provider out."""
