"""Names of persons in seven scripts, written by hand beside Faker's: given and family names that
are real but seldom. Any pairing of them is nobody.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import NamedTuple


class Script(NamedTuple):
    """Given and family names, and how they are put together."""

    given: tuple[str, ...]
    family: tuple[str, ...]
    order: str


def _words(listed: str) -> tuple[str, ...]:
    return tuple(listed.split())


SCRIPTS: Mapping[str, Script] = {
    "latin": Script(
        _words("""
Ambrose Isolde Barnaby Philippa Lysander Cordelia Fergus
Marigold Torquil Rosamund Eckehard Irmtraud Gotthilf
Leokadia Aldegonda Evaristo Pompeyo Eufrasia Zbigniew
Bohumila Radovan Ljubica Gudrun Halvard Tyra Kaisa Ilmari
Szabolcs Piroska Gheorghița
        """),
        _words("""
Featherstonehaugh Quigley Hollingworth Penhaligon Trevithick
Abernathy Oberhuber Kirschbaum Rautenstrauch Vandenbroucke
Terwilliger Echeverría Urrutia Goikoetxea Boisclair
Charbonneau Delacroix Brzezicki Grzegorzewski Hlaváček
Vukašinović Kjeldsen Thorvaldsen Haapasalo Kiviniemi
Szentgyörgyi Munteanu Papadiamantis Zammit Bórquez
        """),
        "{given} {family}",
    ),
    "cyrillic": Script(
        _words("""
Прохор Лукерья Евдоким Ефросинья Платон Пелагея Савелий
Аграфена Тарас Оксинья Мирон Устинья Захар Фаина Ростислав
Снежана Богдан Златка Тихомир Радмила Ярослав Любомира Архип
Глафира Демьян Зинаида Емельян Капитолина Игнат Меланья
        """),
        _words("""
Перебейнос Долгорукий Зернов Кошелев Лаптев Огурцов
Подкопаев Рябинин Сапожков Толмачёв Ухтомский Филимонов
Хворостин Цыплаков Чубаров Шаповалов Щеглов Юсупов Яблочков
Гнатюк Дзюба Коваль Лисиченко Мотузяник Нечипорук Панасюк
Рибалко Стоянов Тодоров Живков
        """),
        "{family} {given}",
    ),
    "arabic": Script(
        _words("""
غسان هيثم وائل نزار صفوان قتيبة مروان بسام فراس ثامر رغد شهد
لمى هيفاء سهير نجوى ميسون رؤى غادة وجدان إياد تميم جهاد ضرار
أشرف منذر أكرم سامر بشار حازم
        """),
        _words("""
القحطاني الغامدي الزهراني الشمري العتيبي الدوسري البلوشي
الكعبي المزروعي الحمادي الخطيب الصباغ النجار الحلبي البغدادي
المصري التونسي الجزائري الفاسي القرطبي السبيعي المطيري
العنزي الرشيدي الهاشمي الكيلاني البيطار الحداد الصواف
القباني
        """),
        "{given} {family}",
    ),
    "devanagari": Script(
        _words("""
अभिनव ज्योत्स्ना हर्षवर्धन मृणालिनी
त्रिलोक चंद्रिका
ओजस्विनी यशवंत कौशल्या भूपेंद्र वसुंधरा
देवव्रत शकुंतला
रघुवीर इंदुमती जगदीश पार्वती उमाशंकर
रुक्मिणी सत्यजीत
कुमुदिनी ध्रुव अरुंधती लोकेश सुलोचना
गिरिराज मंदाकिनी
विश्वास हेमलता तेजस
        """),
        _words("""
चतुर्वेदी कुलकर्णी देशपांडे भट्टाचार्य
बंदोपाध्याय राठौड़
सिसोदिया पुरोहित अग्निहोत्री त्रिवेदी
जोगलेकर साठे गोखले
खन्ना मल्होत्रा सहगल बजाज लांबा सोलंकी
परमार वाघेला गायकवाड
शिंदे पवार जाधव चौहान भदौरिया कश्यप माथुर
सक्सेना
        """),
        "{given} {family}",
    ),
    "han": Script(
        _words("""
梓涵 浩然 雨桐 子墨 诗琪 皓轩 若曦 俊驰 思源 语嫣 泽宇 欣妍 明哲 晓峰 丽华 国庆 淑珍 志强 婉清 景行
望舒 鹏飞 海燕 春梅 卫东 文博 灵犀 沛霖 书瑶 天佑
        """),
        _words("""
欧阳 司马 上官 诸葛 慕容 席 柯 阮 骆 樊 凌 霍 虞 柳 安 管 祝 左 焦 鲍 舒 冉 翟 耿 詹 关 兰 岳
齐 沙
        """),
        "{family}{given}",
    ),
    "hangul": Script(
        _words("""
가람 나래 다솜 도윤 라온 마루 미르 보람 비오 새롬 세찬 소담 아라 여울 예찬 온유 은결 이든 재하 주원
지한 찬솔 초롱 태양 하람 한결 해솔 현서 혜윰 희찬
        """),
        _words("""
남궁 황보 제갈 선우 독고 사공 서문 곽 도 라 류 마 명 문 민 반 방 변 복 봉 석 설 성 소 손 송 심
엄 여 연
        """),
        "{family}{given}",
    ),
    "kana": Script(
        _words("""
アキヒト イサム ウタコ エイキチ オリエ カズサ キヨミ クニオ ケサコ
コウシロウ サダハル シヅカ スミレ セイゴ
ソウイチロウ タマキ チグサ ツネオ テルヨ トモエ ナギサ ヌイ ネネ ノリカ
ハヤテ ヒナコ フミヤ ホタル マヒロ
ミツキ
        """),
        _words("""
アマノ イワサキ ウエスギ エンドウ オオツカ カツラギ キリシマ クロサワ
ケンモチ コマツ サイオンジ シバサキ
スガワラ セリザワ ソノダ タチバナ チノ ツクモ テラオ トキワ ナルセ
ニシキ ヌマタ ネギシ ノムラ ハギワラ
ヒメノ フジエダ ホシノ マキタ
        """),
        "{family} {given}",
    ),
}  # fmt: skip


def whole(script: str) -> Callable[[random.Random], object]:
    """Makes full names of a script."""
    one = SCRIPTS[script]
    return lambda r: one.order.format(given=r.choice(one.given), family=r.choice(one.family))


def given(script: str) -> Callable[[random.Random], object]:
    """Makes given names of a script."""
    return lambda r: r.choice(SCRIPTS[script].given)


def family(script: str) -> Callable[[random.Random], object]:
    """Makes family names of a script."""
    return lambda r: r.choice(SCRIPTS[script].family)
