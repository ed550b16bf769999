import pytest

from deployment.common.command_line import fail, parser
from paper_tasks.paths import MODEL_DIR


def test_the_defaults_are_those_of_the_program():
    options = parser("Serves.", "127.0.0.1", "8000").parse_args([])
    assert (options.model, options.host, options.port) == (MODEL_DIR, "127.0.0.1", 8000)
    assert (
        "GRADIO_SERVER_PORT" in parser("Serves.", "", "1", ("GRADIO_SERVER_NAME", "GRADIO_SERVER_PORT")).format_help()
    )


@pytest.mark.parametrize("port", ["x", "0", "65536", "-1", "8000.0", "9" * 5000])
def test_what_is_not_a_port_is_refused_also_as_a_default(capsys, port):
    for default, arguments in (("8000", ["--port", port]), (port, [])):
        with pytest.raises(SystemExit) as ended:
            parser("Serves.", "127.0.0.1", default).parse_args(arguments)
        assert ended.value.code == 2 and "is not a port" in capsys.readouterr().err


def test_a_failure_is_one_sentence_and_code_2(capsys):
    with pytest.raises(SystemExit) as ended:
        fail("It is taken.")
    assert ended.value.code == 2 and capsys.readouterr().err == "error: It is taken.\n"
