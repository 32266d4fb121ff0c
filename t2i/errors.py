"""Exceptions that are meant for the person who runs a command."""


class InputError(Exception):
    """Something the user gave is wrong: a file, a folder, a parameter, a caption.

    The message is one line that says what is wrong, where, and the way out. Stages and commands print it and exit with
    code 1; every other exception is a defect of this software and keeps its traceback.
    """


class StoppedError(Exception):
    """The training was asked to end and is saved; the message says by whom, how far it is, and how to go on."""


class PeerLostError(Exception):
    """Another process of a distributed training has ended; that process says why."""
