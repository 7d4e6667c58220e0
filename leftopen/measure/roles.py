"""What a field's name says that its times are the times of, in the languages of the catalogue."""

from __future__ import annotations

import re

from leftopen.classifier import names, pairs
from leftopen.classifier.traces import TIMES, TIMES_EAST

# A star stands for whatever comes after it. The second list is of scripts whose words are not set
# apart by spaces, or carry an article: there a word may stand anywhere.
_EXPIRY = """
expir* expiry exp due until thru deadline renewal lapse* ttl ablauf* gultig* verfall* falligkeit*
frist caduc* vencim* vence vigencia validade* validez prazo scaden* scade echeance* peremption*
verval* geldig* verloopt истек* истеч* действ* срок годен srok goden wazn* bitis* gecerli* berlaku
kadaluarsa kedaluwarsa utgang* utgar giltig* udlob* gyldig* utlop* vanhen* voimassa* platnost*
vyprs* ervenyes* lejar* valabil* λήξη* εκπν* समाप्ति वैधता
"""
_EXPIRY_EAST = "有效期 到期 过期 失效 截止 期限 有効 満了 期滿 만료 유효 انتهاء صلاحية หมดอายุ"
_UPDATED = """
update updated upd modif* mtime lastmod changed synced deleted geandert anderung* aktualis*
actualiz* atualiz* maj aggiorn* gewijzigd bijgewerkt обновл* измен* obnovl* izmenen* zmodyf*
zmien* guncel* diubah diperbarui uppdat* andrad* opdat* oppdat* paivitet* muokat* zmen* modosit*
ενημερ* оновл*
"""
_UPDATED_EAST = "更新 修改 変更 수정 변경 تحديث تعديل แก้ไข"
_CREATED = """
create created creation ctime btime insert inserted insertion ingest* indexed loaded import imported
uploaded registered registration signup joined erstell* angelegt eingefugt registriert cread* creac*
creaz* criad* criac* cree creee ajoute creat creata creato aangemaakt создан* добавл* sozdan*
utworz* olustur* eklen* dibuat skapad* oprett* opprett* luotu vytvor* letrehoz* δημιουργ*
створ* निर्मित
"""
_CREATED_EAST = "创建 建立 新增 录入 入库 注册 作成 登録 생성 등록 إنشاء انشاء สร้าง"
_KEYS = frozenset({"_id", "id", "uuid", "guid", "ulid", "oid", "pk", "key"})


class _Words:
    def __init__(self, spaced: str, unspaced: str) -> None:
        words = [names.fold(word) for word in spaced.split()]
        self._whole = frozenset(word for word in words if not word.endswith("*"))
        self._begun = tuple(word[:-1] for word in words if word.endswith("*"))
        self._parts = tuple(names.fold(unspaced).split())

    def said(self, leaf: str) -> bool:
        folded = names.fold(leaf)
        whole = any(t in self._whole or t.startswith(self._begun) for t in names.tokens(leaf))
        return whole or any(part in folded for part in self._parts)


_OF_EXPIRY = _Words(_EXPIRY, _EXPIRY_EAST)
_OF_UPDATE = _Words(_UPDATED, _UPDATED_EAST)
_OF_CREATION = _Words(_CREATED, _CREATED_EAST)


def says_expiry(path: str) -> bool:
    return _OF_EXPIRY.said(_leaf(path))


def says_updated(path: str) -> bool:
    """Whether it is when the record was last changed."""
    return _OF_UPDATE.said(_leaf(path))


def says_created(path: str) -> bool:
    """Whether it is when the record was made."""
    return _OF_CREATION.said(_leaf(path))


def says_observed(path: str) -> bool:
    """Whether it is when something was observed or happened."""
    leaf = _leaf(path)
    return (
        names.is_time(path)
        or bool(TIMES & frozenset(names.tokens(leaf)))
        or any(part in leaf for part in TIMES_EAST)
    )


def says_birth(path: str) -> bool:
    return any(naming.startswith("birth") for naming in names.read(path).namings)


def says_death(path: str) -> bool:
    return any(naming.startswith("death") for naming in names.read(path).namings)


def says_nothing(path: str) -> bool:
    return pairs.is_mute(path)


def is_key(path: str) -> bool:
    """Whether it is the record's own key: an id there is as old as the record."""
    return path.casefold() in _KEYS


def _leaf(path: str) -> str:
    """The last part of a path that says anything."""
    return re.split(r"[.\[\]*/]+", path[-names.MAX_NAME :].rstrip("[]*."))[-1]
