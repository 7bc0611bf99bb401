"""The errors that are made for people: a sentence that says what, where, what was expected and what to do."""


class UserError(Exception):
    """An error that the user can correct; a command shows its message and no traceback.

    A project's own commands may raise it too.
    """
