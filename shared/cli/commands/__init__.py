"""The name, options and help of each command.

These modules import only Typer and plain values, so that `--help` answers at once. A command calls
the module of the same name in the folder above, which it imports when it runs.
"""
