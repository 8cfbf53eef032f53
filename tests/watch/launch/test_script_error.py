"""The exception that ended a script, as the record has it."""

from __future__ import annotations

from nanwatch.watch.launch.script_error import MOST_OF_A_MESSAGE, script_error


def raised(error: Exception) -> Exception:
    try:
        raise error
    except Exception as caught:
        return caught


def test_its_type_its_message_and_the_line_of_the_script() -> None:
    found = script_error(raised(ValueError("no such\nlayer")))
    assert found is not None
    assert (found.type, found.message) == ("ValueError", "no such layer")
    assert found.location is not None
    assert found.location.code == "raise error"


def test_of_a_failed_graph_only_what_went_wrong_is_kept() -> None:
    said = (
        "Graph execution error:\n\nDetected at node loss/Log defined at (most recent call last):\n"
        '  File "train.py", line 3, in <module>\n\n'
        "{{function_node __wrapped__Log_device_/job:localhost}} Received a label value of 5 [Op:Log] name: "
    )
    found = script_error(raised(RuntimeError(said)))
    assert found is not None
    assert found.message == "Received a label value of 5"


def test_keras_has_some_of_its_messages_in_bold() -> None:
    found = script_error(raised(ValueError("\x1b[1mno such layer\x1b[0m")))
    assert found is not None
    assert found.message == "no such layer"


def test_a_message_is_cut_and_one_that_cannot_be_made_is_none() -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    found = script_error(raised(ValueError("x" * 5000)))
    assert found is not None
    assert len(found.message) == MOST_OF_A_MESSAGE
    assert script_error(raised(Mute())) is None
    assert script_error(None) is None
