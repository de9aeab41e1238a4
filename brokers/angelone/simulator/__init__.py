"""Angel One's side of the wire, made by us."""
