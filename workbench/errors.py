"""The one error type that is written for people."""


class UserFacing(Exception):
    """A fault that the person at the screen can act on.

    `message` says what is wrong in one plain sentence, `hint` says what to do about it.
    Everything else that goes wrong is a bug and is shown as a reference id only.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()
