"""The kernel and what it is made of: synchronous, without I/O, clocks or threads."""
