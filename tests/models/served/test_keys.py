"""Keys: each for its server, from files and the environment, never shown."""

from pathlib import Path

import pytest

from workbench.errors import UserFacing
from workbench.models.served import Keys
from workbench.settings import Settings

ONE, TWO = "http://one:8000/v1", "https://two/v1"


def kept(folder: Path, name: str, key: str) -> str:
    (folder / name).write_text(f"{key}\n")
    return str(folder / name)


def test_each_server_gets_its_own(tmp_path: Path) -> None:
    first, second = kept(tmp_path, "a", "k-one"), kept(tmp_path, "b", "k-two")
    keys = Keys.read([f"{ONE}={first}", f"https://two={second}"])
    assert keys.key_for(f"{ONE}#model") == "k-one" and keys.key_for(f"{TWO}/#x") == "k-two"
    for other in ("http://one:8001/v1", "https://two.evil/v1", "http://two/v1", "https://me@tw/v1"):
        assert keys.key_for(other) is None
    assert "k-one" not in repr(keys) and "k-one" not in repr(Settings(keys=keys))


def test_a_key_that_names_no_server_goes_to_the_only_one(tmp_path: Path) -> None:
    keys = Keys.read([kept(tmp_path, "a", "k")])
    assert keys.key_for(ONE) is None  # nothing is sent before it is known to whom
    assert keys.bound([f"{ONE}#a", f"{ONE}/#b"]).key_for(ONE) == "k"
    with pytest.raises(UserFacing, match=r"One key was given for 2 servers: http://one.*URL=FILE"):
        keys.bound([ONE, TWO])
    named = Keys.read([kept(tmp_path, "a", "k"), f"{TWO}={kept(tmp_path, 'b', 'k2')}"])
    with pytest.raises(UserFacing, match="2 servers"):
        named.bound([ONE, TWO])


def test_the_environment_says_the_same(tmp_path: Path) -> None:
    keys = Settings.from_env([], {"WORKBENCH_KEY": f"{ONE}=k=1 {TWO}=k2"}).keys
    assert (keys.key_for(ONE), keys.key_for(TWO)) == ("k=1", "k2")
    assert Settings.from_env([], {"WORKBENCH_KEY": "k"}).keys.bound([TWO]).key_for(TWO) == "k"
    flag = Settings.from_env(["--key-file", kept(tmp_path, "a", "file")], {"WORKBENCH_KEY": "variable"})
    assert flag.keys.bound([ONE]).key_for(ONE) == "file"


def test_what_is_no_key_is_a_sentence_without_it(tmp_path: Path) -> None:
    empty, lines = kept(tmp_path, "a", ""), kept(tmp_path, "b", "k1\nk2")
    for files, words in (
        ([empty], "holds no key"),
        ([lines], "holds no key"),
        ([str(tmp_path)], "can't be read"),
        ([ONE], "names a server and no key"),
        ([kept(tmp_path, "c", "k"), kept(tmp_path, "d", "k")], "2 keys name no server"),
    ):
        with pytest.raises(UserFacing, match=words):
            Keys.read(files)


def test_public_pages_send_pictures_only_where_the_owner_says() -> None:
    public = Settings(public=True, base=f"{ONE}#a", endpoints=(f"{TWO}/",))
    public.require_allowed(f"{TWO}#any")
    for ref in ("base", f"{ONE}#a", "https://two/v2#a"):
        with pytest.raises(UserFacing, match=r"does not send pictures.*WORKBENCH_ENDPOINTS"):
            public.require_allowed(ref)
    with pytest.raises(UserFacing, match="endpoints"):
        Settings.from_env([], {"WORKBENCH_ENDPOINTS": "two"})


def test_a_key_that_is_typed_goes_to_its_server_alone() -> None:
    keys = Keys().with_key("http://one:8000/v1#m", " secret ")
    assert keys.key_for("http://one:8000/v1#m") == "secret"
    assert keys.key_for("http://two:8000/v1#m") is None and "secret" not in repr(keys)
    for wrong in (" ", "two\nlines", "schlüssel"):
        with pytest.raises(UserFacing, match="can't be a key"):
            keys.with_key("http://one:8000/v1", wrong)
