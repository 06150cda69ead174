"""To-dos of all systems: one truth whatever order reports arrive in, one inbox per person."""
