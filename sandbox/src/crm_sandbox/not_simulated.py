"""What a real CRM has and the sandbox does not."""

DOCUMENTATION = "/_sandbox/reference#not-simulated"


class NotSimulated(Exception):
    """A request for a real part of a CRM's API that the sandbox does not play: a path, a verb, a parameter.

    `what` completes the sentence "the sandbox does not play …". Raise it in a handler: the application answers 501
    in the shape of the CRM's errors. It is no Refused, which is for what the CRM itself says no to.
    """

    def __init__(self, what: str) -> None:
        super().__init__(f"the sandbox does not play {what} (see {DOCUMENTATION} at this address)")
        self.what = what
