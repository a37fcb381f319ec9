"""Proves that every wrong setting is named with its source and its remedy, all in one report, and that no secret is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel

from anbu.sections import Ingest, Right
from anbu.settings import Settings, SettingsWrong, field_at, leaves, load_settings
from ingest.dialects.registry import DIALECTS


def write(folder: Path, text: str = "") -> Path:
    path = folder / "anbu.toml"
    path.write_text(text, encoding="utf-8")
    return path


def wrong(path: Path) -> list[str]:
    with pytest.raises(SettingsWrong) as caught:
        load_settings(path)
    return str(caught.value).splitlines()


def test_an_empty_file_is_a_whole_site_beside_it(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path))
    assert settings.data == tmp_path / "data"
    assert settings.store_url == f"sqlite:///{tmp_path}/data/anbu.sqlite3"
    assert settings.journal_folder == tmp_path / "data" / "journal"
    assert settings.history_file == tmp_path / "data" / "history.sqlite3"
    assert settings.key_source == tmp_path / "anbu.key"
    assert settings.base_url == "http://127.0.0.1:8080"
    assert settings.journal.segment_bytes == 64 * 1024 * 1024


def test_the_environment_stands_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, '[broker]\nhost = "a.example"\nport = 1\n[alerts]\nrecipients = ["one"]\n')
    monkeypatch.setenv("ANBU_BROKER__PORT", "1884")
    monkeypatch.setenv("ANBU_ALERTS__RECIPIENTS", "night-desk, dong-1")
    monkeypatch.setenv("ANBU_BROKER__USERNAME", "")
    monkeypatch.setenv("ANBU_WEB__HTTPS", "true")
    settings = load_settings(path)
    assert (settings.broker.host, settings.broker.port, settings.broker.username) == ("a.example", 1884, None)
    assert settings.alerts.recipients == ("night-desk", "dong-1")
    assert settings.base_url == "https://127.0.0.1:8080"


def test_dialects_are_named_in_a_list_and_only_those_there_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings(write(tmp_path)).ingest.dialects == ("native",)
    path = write(tmp_path, '[ingest]\ndialects = ["native", "morse"]\n')
    assert wrong(path)[0].startswith("ingest.dialects")
    monkeypatch.setenv("ANBU_INGEST__DIALECTS", "native, zigbee2mqtt")
    assert load_settings(path).ingest.dialects == ("native", "zigbee2mqtt")


def test_every_dialect_can_be_switched_on() -> None:
    assert Ingest(dialects=tuple(DIALECTS)).dialects == tuple(DIALECTS)


def test_paths_are_meant_from_the_settings_file(tmp_path: Path) -> None:
    path = write(tmp_path, 'data = "d"\n[rules]\nfile = "r.toml"\n[history]\nfile = "/var/h.sqlite3"\n[keys]\nfile = "k"\n')
    settings = load_settings(path)
    assert (settings.data, settings.rules.file, settings.history.file, settings.key_source) == (
        tmp_path / "d",
        tmp_path / "r.toml",
        Path("/var/h.sqlite3"),
        tmp_path / "k",
    )


def test_a_key_in_the_environment_is_taken_by_its_name(tmp_path: Path) -> None:
    assert load_settings(write(tmp_path, '[keys]\nenv = "SITE_KEY"\n')).key_source == "SITE_KEY"


def test_settings_made_in_code_take_nothing_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANBU_BROKER__PORT", "9")
    assert Settings().broker.port == 1883


def test_all_wrong_settings_come_in_one_report_with_their_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANBU_WEB__PORT", "http")
    path = write(tmp_path, '[broker]\nport = 70000\nembedded = "maybe"\n[log]\nlevel = "loud"\n[journal]\nsegment_mib = 0\n')
    assert wrong(path) == [
        "broker.embedded (anbu.toml): 'maybe' → true 또는 false여야 합니다",
        "broker.port (anbu.toml): 70000 → 1~65535 사이의 정수여야 합니다",
        "journal.segment_mib (anbu.toml): 0 → 1~4096 사이의 정수(MiB)여야 합니다",
        "log.level (anbu.toml): 'loud' → debug, info, warning, error 가운데 하나여야 합니다",
        "web.port (ANBU_WEB__PORT): 'http' → 1~65535 사이의 정수여야 합니다",
    ]


def test_the_report_is_in_english_by_switch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANBU_LANG", "en")
    path = write(tmp_path, "[broker]\nport = 70000\nprot = 1\n")
    assert wrong(path) == [
        "broker.port (anbu.toml): 70000 → must be an integer from 1 to 65535",
        "broker.prot (anbu.toml): is no setting; did you mean broker.port?",
    ]


def test_a_mistyped_setting_is_refused_wherever_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANBU_BROKR__PORT", "1883")
    monkeypatch.setenv("ANBU_WEB__BASEURL", "http://x")
    assert wrong(write(tmp_path, 'dat = "x"\n[alert]\nwebhook_url = "http://x"\n[log]\ncolour = 1\n')) == [
        "alert (anbu.toml): 모르는 설정입니다 → alerts 아닙니까?",
        "brokr.port (ANBU_BROKR__PORT): 모르는 설정입니다 → broker.port 아닙니까?",
        "dat (anbu.toml): 모르는 설정입니다 → data 아닙니까?",
        "log.colour (anbu.toml): 모르는 설정입니다 → 지우십시오",
        "web.baseurl (ANBU_WEB__BASEURL): 모르는 설정입니다 → web.base_url 아닙니까?",
    ]


def test_what_a_cluster_sets_for_its_service_is_nobodys_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANBU_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("ANBU_PORT", "tcp://10.0.0.1:80")
    assert load_settings(write(tmp_path)).web.port == 8080


def test_no_wrong_secret_is_ever_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANBU_ALERTS__WEBHOOK_SECRET", "hunter2")
    path = write(
        tmp_path,
        '[store]\nurl = "mysql://u:hunter2@db/anbu"\n[broker]\npassword = 52222\n[alerts]\nwebhook_url = "ftp://hunter2@x"\n',
    )
    lines = wrong(path)
    assert [line.split(" ")[0] for line in lines] == [
        "alerts.webhook_secret",
        "alerts.webhook_url",
        "broker.password",
        "store.url",
    ]
    assert "hunter2" not in "".join(lines) and "52222" not in "".join(lines)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "oracle://x/y", "postgresql://u:hunter2@db:port/x", "x"])
def test_a_store_that_could_not_keep_anything_is_refused(url: str, tmp_path: Path) -> None:
    (line,) = wrong(write(tmp_path, f'[store]\nurl = "{url}"\n'))
    assert line == "store.url (anbu.toml): *** → sqlite:///경로 또는 postgresql://... 주소여야 합니다"


def test_a_relative_store_lies_beside_the_settings_file_too(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, '[store]\nurl = "sqlite:///x/y.sqlite3"\n'))
    assert settings.store_url == f"sqlite:///{tmp_path}/x/y.sqlite3"


def test_right_secrets_are_not_printed_either(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, '[store]\nurl = "postgresql://u:hunter2@db/anbu"\n[broker]\npassword = "hunter2"\n'))
    assert "hunter2" not in repr(settings) and "hunter2" not in settings.model_dump_json()
    assert settings.store_url == "postgresql://u:hunter2@db/anbu"


def test_two_places_for_the_key_are_one_too_many(tmp_path: Path) -> None:
    assert wrong(write(tmp_path, '[keys]\nfile = "a"\nenv = "B"\n')) == [
        "keys.file (anbu.toml): keys.env와 함께 쓸 수 없습니다 → 둘 중 하나만 두십시오"
    ]


def test_a_webhook_without_a_secret_to_sign_with_is_refused(tmp_path: Path) -> None:
    lines = wrong(write(tmp_path, '[alerts]\nwebhook_url = "https://hook.example/anbu"\n'))
    assert lines == ["alerts.webhook_secret (anbu.toml): alerts.webhook_url 에 필요합니다"]


def test_a_setting_where_a_table_belongs_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANBU_WEB", "here")
    assert wrong(write(tmp_path, "broker = 5\n")) == [
        "broker (anbu.toml): 5 → 설정의 묶음([표])이어야 합니다",
        "web (ANBU_WEB): 'here' → 설정의 묶음([표])이어야 합니다",
    ]


def test_a_wrong_item_of_a_list_is_reported_as_the_lists(tmp_path: Path) -> None:
    (line,) = wrong(write(tmp_path, "[alerts]\nrecipients = [1]\n"))
    assert line.startswith("alerts.recipients (anbu.toml): 1 → ")


def test_a_file_that_is_no_toml_is_named_with_the_line(tmp_path: Path) -> None:
    (line,) = wrong(write(tmp_path, '[broker]\nhost = "a\n'))
    assert "line 2" in line and str(tmp_path / "anbu.toml") in line


def test_a_file_that_was_asked_for_must_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (line,) = wrong(tmp_path / "no.toml")
    assert str(tmp_path / "no.toml") in line and "anbu init" in line
    monkeypatch.setenv("ANBU_CONFIG", str(tmp_path / "other.toml"))
    with pytest.raises(SettingsWrong, match=r"other\.toml"):
        load_settings()


def test_the_environment_alone_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsWrong, match="anbu init"):
        load_settings()
    monkeypatch.setenv("ANBU_WEB__PORT", "8081")
    assert load_settings().web.port == 8081
    assert load_settings().data == tmp_path / "data"


def test_every_setting_says_what_would_be_right() -> None:
    for leaf in leaves(Settings):
        field = field_at(leaf)
        assert field is not None
        if not (isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)):
            assert any(isinstance(note, Right) for note in field.metadata), leaf


def test_half_a_channel_is_refused_with_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANBU_LANG", "en")
    file = tmp_path / "anbu.toml"
    file.write_text(
        '[email]\nhost = "mail.example.kr"\n[calls]\nurl = "https://bridge.example.kr"\n[canary]\non = true\n'
        '[messages]\nprovider = "sens"\nnumber = "025550000"\nkey = "a"\n'
    )
    with pytest.raises(SettingsWrong) as wrong:
        load_settings(file)
    assert str(wrong.value).splitlines() == [
        "calls.secret (anbu.toml): is missing: calls.url needs it",
        "canary.password (anbu.toml): is missing: canary.on needs it",
        "canary.username (anbu.toml): is missing: canary.on needs it",
        "email.sender (anbu.toml): is missing: email.host needs it",
        "messages.secret (anbu.toml): is missing: messages.provider = sens needs it",
        "messages.sms_service (anbu.toml): is missing: messages.provider = sens needs it",
    ]


@pytest.mark.parametrize("name", ["alerts.webhook_url", "calls.url", "messages.url", "watchdog.ping_url"])
def test_an_address_that_others_could_read_on_the_way_is_refused_and_not_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("ANBU_LANG", "en")
    table, key = name.split(".")
    file = tmp_path / "anbu.toml"
    file.write_text(f'[{table}]\n{key} = "http://example.kr/token"\n')
    with pytest.raises(SettingsWrong) as wrong:
        load_settings(file)
    assert f"{name} (anbu.toml): *** → must be an https:// address (http:// on this machine alone)" in str(wrong.value)
    assert "token" not in str(wrong.value)
