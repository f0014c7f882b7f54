"""The command line: commands, tables for people, JSON for programs.

In: reading the arguments, terminal tables and colours, exit codes.
Not in: margin arithmetic of any kind, file formats (feeds), the report's fields (report).
"""
