"""The way of a record: extract, map, resolve, merge, guard, plan, apply, deliver."""
