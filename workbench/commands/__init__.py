"""What the command line does: one module a command, each with `run(args, settings) -> Outcome`."""
