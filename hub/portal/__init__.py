"""Pages for people, made on the server: Jinja2 and htmx."""
