"""The one kind of error that the lab shows to a person."""

from lab_home import house_error


class LabError(Exception):
    """Something the learner can mend: one lower-case sentence, and a hint with a command.

    exit_code is 1 for what the learner can mend, 2 for a command used wrongly.
    """

    def __init__(self, sentence: str, hint: str, exit_code: int = 1) -> None:
        super().__init__(house_error(sentence, hint))
        self.sentence = sentence
        self.hint = hint
        self.exit_code = exit_code
