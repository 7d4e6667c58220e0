"""Names of invented persons by script, written after the word lists were closed.

Each script: whole names, given names, family names.
"""

from __future__ import annotations

PERSONS: dict[str, tuple[str, str, str]] = {
    "english": (
        "Gloria Whitcombe|Dean Ashdown|Ruth Pennywell|Marcus Oakes|"
        "Tessa Brindle|Owen Farthing|Nadia Quill|Hugh Marlowe",
        "Gloria|Dean|Ruth|Marcus|Tessa|Owen|Nadia|Hugh",
        "Whitcombe|Ashdown|Pennington|Oakes|Barlow|Farthing|Quigley|Marlowe",
    ),
    "german": (
        "Anneliese Brückner|Thorsten Kämmerer|Ulrike Vollmer|Jörg Steinbach|"
        "Sabine Lindner|Uwe Pohlmann|Heike Rademacher|Klaus Eberle",
        "Anneliese|Thorsten|Ulrike|Jörg|Sabine|Uwe|Heike|Klaus",
        "Brückner|Kämmerer|Vollmer|Steinbach|Lindner|Pohlmann|Rademacher|Eberle",
    ),
    "polish": (
        "Grażyna Malczewska|Tomasz Rybicki|Halina Sawczuk|Krzysztof Dudziński|"
        "Beata Gierek|Wojciech Kalisz|Iwona Borkiewicz|Leszek Kurowski",
        "Grażyna|Tomasz|Halina|Krzysztof|Beata|Wojciech|Iwona|Leszek",
        "Malczewska|Rybicki|Sawczuk|Dudziński|Gierek|Borkiewicz|Kurowski|Pilarczyk",
    ),
    "turkish": (
        "Necla Aksakal|Tayyip Karabıyık|Gülizar Sönmezer|Orçun Balcıoğlu|"
        "Mehmet Ali Erbay|Sevgi Taşçı|Zeki Oğuzhan|Ayşe Nur Kırca",
        "Necla|Sevgi|Gülizar|Orçun|Mehmet|Ayşe|Zeki|Nurhan",
        "Aksakal|Karabıyık|Şahin|Balcıoğlu|Demir|Taşçı|Yılmaz|Kırca",
    ),
    "indonesian": (
        "Sulastri Handayani|Joko Priyambodo|Retno Wulandari|Ahmad Fauzan|"
        "Yusuf Siregar|Made Suartana|Endah Kusumaningrum|Bagus Setiadi",
        "Sulastri|Joko|Retno|Ahmad|Yusuf|Made|Endah|Bagus",
        "Handayani|Siregar|Wulandari|Santoso|Hutapea|Wijaya|Setiadi|Nasution",
    ),
    "indian": (
        "Lakshmi Venkataraman|Harpreet Dhillon|Sourav Mukherjee|Ananya Deshpande|"
        "Imtiaz Qureshi|Meenakshi Pillai|Karthik Subramaniam|Jignesh Patel",
        "Lakshmi|Harpreet|Sourav|Ananya|Imtiaz|Meenakshi|Karthik|Jignesh",
        "Venkataraman|Dhillon|Mukherjee|Deshpande|Qureshi|Pillai|Subramaniam|Patel",
    ),
    "african": (
        "Chukwudi Okonjo|Folasade Adelakun|Wanjiru Kimotho|Thabo Mokwena|"
        "Aminata Sissoko|Kwabena Ofosu|Achieng Odera|Sipho Ngwenya",
        "Chukwudi|Folasade|Wanjiru|Thabo|Aminata|Kwabena|Achieng|Sipho",
        "Okonkwo|Adelakun|Kimani|Mokoena|Diallo|Mensah|Odhiambo|Ndlovu",
    ),
    "vietnamese": (
        "Nguyễn Thị Bích Đào|Trần Quốc Toản|Lê Hoàng Yến|Phạm Gia Bảo|"
        "Đỗ Minh Khôi|Võ Thanh Tùng|Bùi Xuân Mai|Ngô Đức Thịnh",
        "Đào|Toản|Yến|Bảo|Khôi|Tùng|Thịnh|Hương",
        "Nguyễn|Trần|Lê|Phạm|Đỗ|Võ|Bùi|Huỳnh",
    ),
    "cyrillic": (
        "Зинаида Полякова|Глеб Стрельцов|Тамара Овсеенко|Ростислав Гайдук|"
        "Алевтина Шубина|Эдуард Миронов|Лилия Скороходова|Никита Перевалов",
        "Зинаида|Глеб|Тамара|Ростислав|Алевтина|Эдуард|Лилия|Никита",
        "Полякова|Стрельцов|Овсеенко|Гайдук|Шубина|Миронов|Скороходова|Перевалов",
    ),
    "greek": (
        "Ευγενία Σταυράκη|Λεωνίδας Μπαλτάς|Ζωή Κουρή|Θανάσης Βερόπουλος|"
        "Μαρία Δεληγιάννη|Πέτρος Αργυρίου|Ειρήνη Καλλέργη|Νίκος Τσαούσης",
        "Ευγενία|Λεωνίδας|Ζωή|Θανάσης|Μαρία|Πέτρος|Ειρήνη|Νίκος",
        "Σταυράκη|Μπαλτάς|Κουρής|Βερόπουλος|Δεληγιάννης|Αργυρίου|Παπαδάκης|Τσαούσης",
    ),
    "hebrew": (
        "שלומית ברנר|אלון קצב|גילה רוזנטל|נתן הכט|טלי אופיר|מנחם ליפשיץ|ורד עמרני|יובל שטרן",
        "שלומית|אלון|גילה|נתן|טלי|מנחם|ורד|יובל",
        "ברנר|קצב|רוזנטל|הכט|אופיר|ליפשיץ|כהן|שטרן",
    ),
    "arabic": (
        "عبدالرحمن الشهراوي|نجوى بدران|خالد محمود زيتون|سعاد الحموي|"
        "أحمد صبحي القاضي|ليلى عبد الهادي|ياسين بوخريص|هدى منصور الدباغ",
        "عبدالرحمن|نجوى|خالد|سعاد|أحمد|ليلى|ياسين|هدى",
        "الشهراوي|بدران|زيتون|الحموي|القاضي|منصور|بوخريص|الدباغ|الخطيب|حداد",
    ),
    "persian": (
        "پریسا نیک‌پور|کامران بهشتی|شهلا رحیم‌زاده|فرهاد قنبریان|"
        "مینا صدری|بهروز کشاورز|نرگس خوشبخت|آرش دانشور",
        "پریسا|کامران|شهلا|فرهاد|مینا|بهروز|نرگس|آرش",
        "رضایی|بهشتی|رحیم‌زاده|قنبریان|کریمی|کشاورز|حسینی|دانشور",
    ),
    "devanagari": (
        "सुलोचना देशपांडे|भूषण रस्तोगी|कमलेश यादव|रुक्मिणी तिवारी|"
        "इरफान मलिक|वैशाली कुलकर्णी|गोविंद बिष्ट|चंपा देवी",
        "सुलोचना|भूषण|कमलेश|रुक्मिणी|इरफान|वैशाली|गोविंद|चंपा",
        "देशपांडे|रस्तोगी|यादव|तिवारी|मलिक|कुलकर्णी|बिष्ट|शर्मा",
    ),
    "thai": (
        "กมลวรรณ แซ่ตั้ง|ประเสริฐ ชูวงศ์|ณัฐพล เรืองศรี|วิไล คำภา|"
        "อนุชา พุ่มพวง|สุภาพร นิลวงศ์|ธีรศักดิ์ บัวขาว|มาลี กองแก้ว",
        "กมลวรรณ|ประเสริฐ|ณัฐพล|วิไล|อนุชา|สุภาพร|ธีรศักดิ์|มาลี",
        "แซ่ตั้ง|ชูวงศ์|เรืองศรี|คำภา|พุ่มพวง|ศรีสุข|บัวขาว|ทองดี",
    ),
    "hangul": (
        "백승하|남궁민아|조은비|황보영철|문태일|서가람|류경화|안상록|표준혁|도하늘",
        "승하|민아|은비|영철|태일|지민|경화|상록|준혁|현숙",
        "김|이|박|최|정|백|조|문|서|류",
    ),
    "kanji": (
        "宮下 千鶴|高木 慎之介|河野 美佳|松岡 健吾|西田 綾乃|大塚 康太|小野寺 志保|菅原 俊哉",
        "千鶴|慎之介|美佳|健吾|綾乃|康太|志保|俊哉|由香里|真太郎",
        "宮下|高木|河野|松岡|西田|大塚|小野寺|菅原",
    ),
    "kana": (
        "ミヤシタ チヅル|タカギ ケンゴ|コウノ ミカ|"
        "マツオカ アヤノ|ニシダ コウタ|オオツカ シホ|スガワラ トシヤ",
        "チヅル|ケンゴ|ミカ|アヤノ|コウタ|シホ|トシヤ",
        "ミヤシタ|タカギ|コウノ|マツオカ|ニシダ|オオツカ|スガワラ",
    ),
    "han": (
        "邹雨薇|蒋立诚|孟庆华|贺晓岚|上官文博|田亚楠|崔国栋|廖思远",
        "",  # given names alone stay undecided
        "邹|蒋|孟|贺|田|崔|廖|欧阳",
    ),
}
