"""What a change of contracts and models means, before anything runs: shapes of tables, their differences, the work.

Belongs here: decisions over two states of a project, or a project and what a lake was built with. Nothing writes to a
lake; the command that prints a plan and the one that applies it are in `cli/`.
"""
