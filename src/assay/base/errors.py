"""The errors that are made for people: a sentence that says what, where, what was expected and what to do."""


class UserError(Exception):
    """Something that a person can put right; a command shows its sentence and no traceback.

    A project's own commands may raise it too.
    """
