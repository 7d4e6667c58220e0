"""The encoding is found, the text is right, and what is invalid is told and ends nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from leftopen.files.encoding import guess
from tests.files.reading import one

# Invented people in the words of their languages.
TEXTS = {
    "gb18030": "钱多多,北京市东城区长安街九号,教师\n孙小美,广州市天河区体育路,医生\n",
    "big5": "陳大文,台北市信義區忠孝東路五段,工程師\n林美麗,高雄市前鎮區中山路,護理師\n",
    "cp932": "中村さくら,京都府京都市左京区,学生です\n小林つよし,愛知県名古屋市中区,運転手\n",
    "euc_jp": "中村さくら,京都府京都市左京区,学生です\n小林つよし,愛知県名古屋市中区,運転手\n",
    "cp949": "박지민,대구광역시 중구 동성로,간호사\n최수빈,인천광역시 남동구,학생\n",
    "cp1251": "Сидоров Олег,Казань,улица Баумана,водитель\nКузнецова Ольга,Тверь,врач\n",
    "koi8_r": "Сидоров Олег,Казань,улица Баумана,водитель\nКузнецова Ольга,Тверь,врач\n",
    "cp866": "Сидоров Олег,Казань,улица Баумана,водитель\nКузнецова Ольга,Тверь,врач\n",
    "cp1252": "Núñez,Begoña,La Coruña\nGröße,Jörg,Straßberg\nLefèvre,Hélène,Orléans\n",
    "cp1250": "Wójcik,Żaneta,Gdańsk\nŁukasz,Wrocław,Śródmieście\nDvořáková,Růžena,Plzeň\n",
    "cp1254": "Yıldız,Ayşegül,Diyarbakır\nÇağlar,Işıl,Şişli\nÖzgür,Doğan,Beyoğlu\n",
    "cp1253": "Δημητρίου,Κατερίνα,Πάτρα\nΓεωργίου,Νίκος,Λάρισα\n",
    "cp1255": "לוי,שרה,באר שבע\nמזרחי,יוסף,חיפה\nביטון,רחל,אשדוד\n",
    "cp1256": "أحمد,منى,الإسكندرية\nحسن,يوسف,جدة\nسعيد,ليلى,بغداد\n",
    "cp874": "วิชัย,สุขใจ,ขอนแก่น\nมาลี,ดีงาม,ภูเก็ต\n",
}


@pytest.mark.parametrize("encoding", TEXTS)
def test_old_encodings_are_guessed(tmp_path: Path, encoding: str) -> None:
    text = TEXTS[encoding] * 20
    assert text.encode(encoding).decode(guess(text.encode(encoding)), "replace") == text
    (tmp_path / "t.csv").write_bytes(("id,name,city\n" + text).encode(encoding))
    _, tables = one(tmp_path / "t.csv")
    cells = {cell for row in tables[""] for cell in row.values()}
    assert set(text.split("\n")[0].split(",")) <= cells


def test_an_accent_that_comes_late_decides(tmp_path: Path) -> None:
    plain = "".join(f"{n},Ada,Hof\n" for n in range(300_000))  # over three MiB of ASCII
    (tmp_path / "t.csv").write_bytes(
        ("id,name,city\n" + plain + "1,José,Málaga\n").encode("cp1252")
    )
    item, tables = one(tmp_path / "t.csv")
    assert item.encoding == "cp1252"
    assert tables[""][-1] == {"id": "1", "name": "José", "city": "Málaga"}


def test_broken_utf8_stays_utf8(tmp_path: Path) -> None:
    good = "".join(f"{n},Müller,Köln\n" for n in range(50)).encode()
    (tmp_path / "t.csv").write_bytes(b"id,name,city\n" + good + b"51,M\xff\xfeller,Ulm\n" + good)
    item, tables = one(tmp_path / "t.csv")
    assert item.encoding == "utf-8"
    assert item.complete
    assert item.error == "2 places are not valid utf-8; read as U+FFFD"
    assert tables[""][50]["name"] == "M\ufffd\ufffdller"
    assert tables[""][51]["name"] == "Müller"


def test_a_character_cut_between_two_pieces_is_whole(tmp_path: Path) -> None:
    text = "id,name\n" + "".join(f"{n},漢字仮名\n" for n in range(200_000))
    for encoding in ("utf-8", "utf-16", "gb18030"):
        (tmp_path / "t.csv").write_bytes(text.encode(encoding))
        item, tables = one(tmp_path / "t.csv")
        assert item.error is None
        assert {row["name"] for row in tables[""]} == {"漢字仮名"}
