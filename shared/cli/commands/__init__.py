"""What can be typed: each command's name, options and help.

These modules import only Typer and plain values, so that `--help` answers at once. A command hands
over to the module of the same name in `shared.cli`, which it imports when it runs.
"""
