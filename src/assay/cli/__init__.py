"""`assay …`: each command is a few lines over the packages below it.

Belongs here: what is typed and what is printed. Keep out: anything that a sensor or an asset would also need.
"""
