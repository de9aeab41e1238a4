"""The shell: bus, runner, effects, clocks, files and configuration around the kernel."""
