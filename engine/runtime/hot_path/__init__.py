"""The way of an ordinary frame through the engine, compiled where that is possible."""
