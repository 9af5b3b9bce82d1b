"""The reference: `docs/reference`, made of the roles' argument_specs and of the commands' own help.

`./lab reference` writes it.
"""
