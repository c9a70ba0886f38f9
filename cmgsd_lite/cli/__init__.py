"""The command line: arguments in, tables, figures and one-line errors out."""
