"""One package per broker, each answering to the same names, and what they share."""
