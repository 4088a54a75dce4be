from pathlib import Path

import pytest

from workbench.errors import UserFacing
from workbench.places import ASSETS, KEPT
from workbench.settings import Settings


def test_defaults_stay_on_this_machine() -> None:
    settings = Settings.from_env(environ={})
    assert settings.host == "127.0.0.1"
    assert settings.port == 7860
    assert settings.models_dir == ASSETS / "models"
    assert settings.runs_dir == KEPT / "runs"
    assert not settings.public and not settings.allow_remote_code
    assert settings.max_question_chars == 2000


def test_command_line_wins_over_environment(tmp_path: Path) -> None:
    env = {"WORKBENCH_PORT": "7001", "WORKBENCH_DEVICE": "cpu", "WORKBENCH_MODELS_DIR": str(tmp_path)}
    settings = Settings.from_env(["--port", "7002", "--tuned", "some/model"], env)
    assert (settings.port, settings.device, settings.models_dir) == (7002, "cpu", tmp_path)
    assert (settings.base, settings.tuned) == ("base", "some/model")
    assert Settings.from_env(environ={"WORKBENCH_RUNS_DIR": str(tmp_path)}).runs_dir == tmp_path


def test_without_argv_the_process_arguments_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["pytest", "--port", "9999"])
    assert Settings.from_env(environ={}).port == 7860


def test_empty_variable_means_unset() -> None:
    assert Settings.from_env(environ={"WORKBENCH_PORT": ""}).port == 7860


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("PORT", "seven", "0 to 65535"),
        ("PORT", "65536", "0 to 65535"),
        ("DEVICE", "tpu", "auto, cpu or cuda"),
        ("DTYPE", "int8", "auto, float32, bfloat16 or float16"),
        ("PUBLIC", "maybe", "1 or 0"),
        ("MAX_NEW_TOKENS", "0", "1 to 16384"),
    ],
)
def test_bad_values_are_explained(name: str, value: str, hint: str) -> None:
    with pytest.raises(UserFacing) as caught:
        Settings.from_env(environ={f"WORKBENCH_{name}": value})
    assert value in caught.value.message
    assert hint in caught.value.hint


def test_unknown_flag_is_user_facing() -> None:
    with pytest.raises(UserFacing, match="--share"):
        Settings.from_env(["--share"], {})


def test_a_space_is_public_and_offers_the_shipped_pair_alone() -> None:
    settings = Settings.from_env(environ={"SPACE_ID": "someone/workbench"})
    assert settings.public and settings.host == "0.0.0.0"
    assert settings.public_models == ("base", "tuned")
    settings.require_allowed("tuned")
    with pytest.raises(UserFacing, match="does not load the model 'evil/model'"):
        settings.require_allowed("evil/model")


def test_the_help_names_the_command_that_was_typed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        Settings.from_env(["--help"], {}, prog="workbench page")
    assert capsys.readouterr().out.startswith("usage: workbench page ")


def test_own_machine_may_load_anything() -> None:
    Settings().require_allowed("someone/model")


def test_public_and_remote_code_exclude_each_other() -> None:
    with pytest.raises(UserFacing, match="public"):
        Settings.from_env(environ={"WORKBENCH_PUBLIC": "1", "WORKBENCH_ALLOW_REMOTE_CODE": "1"})


def test_questions_are_trimmed_and_limited() -> None:
    settings = Settings()
    assert settings.checked_question("  肺に影はありますか?\n") == "肺に影はありますか?"
    assert settings.checked_question("x" * 2000) == "x" * 2000
    for question, words in ((" \n\t", "empty"), ("x" * 2001, "2,001 characters"), ("a\udcff", "not text")):
        with pytest.raises(UserFacing, match=words):
            settings.checked_question(question)


@pytest.mark.parametrize("options", [["yes"], ["yes", " "], ["Yes", "yes "], ["o"] * 27, ["a" * 2000, "b"]])
def test_unusable_options_are_refused(options: list[str]) -> None:
    with pytest.raises(UserFacing):
        Settings().checked_options(options)


def test_usable_options_are_trimmed() -> None:
    assert Settings().checked_options([" left ", "right"]) == ("left", "right")
    assert Settings().checked_options([]) == ()
