"""The recording format: write, read, compact and describe session logs."""
