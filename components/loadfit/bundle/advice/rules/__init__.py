"""The rules: each finds one kind of fault in a program."""
