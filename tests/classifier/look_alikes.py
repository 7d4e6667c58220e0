"""Columns that hold no person's name, most of them made of words that can be one."""

from __future__ import annotations

LOOK_ALIKES: dict[str, str] = {
    "cities de": "Berlin|Hamburg|München|Köln|Ulm|Trier|Erfurt|Jena|Gera|Bonn|Essen",
    "cities us": (
        "Houston|Dallas|Austin|Jackson|Madison|Lincoln|Charlotte|Phoenix|San Jose|"
        "Santa Maria|San Diego|Fort Worth|Arlington|Aurora|Savannah|Cheyenne"
    ),
    "countries": "France|Germany|Jordan|Chad|China|India|Georgia|Israel|Cuba|Brazil|Peru",
    "colours": (
        "Red|Green|Blue|Olive|Violet|Amber|Rose|Ruby|Coral|Jade|Black|Brown|White|Gray|Navy|Teal"
    ),
    "colours2": (
        "Dark Red|Olive Green|Forest Green|Rose Gold|Midnight Blue|Amber Glow|Ruby Red|Jade Green"
    ),
    "months": "January|April|May|June|August|October|März|Juni",
    "days": "Monday|Tuesday|Friday|lunes|Montag",
    "firms": (
        "Müller GmbH|Smith Ltd|Johnson & Sons|Rossi S.p.A.|Novák s.r.o.|ООО Иванов|"
        "Meyer AG|Garcia y Hijos S.L.|Taylor Inc|Jansen B.V.|Dubois SARL|"
        "Wilson Partners|PT Wijaya Tbk|Demir A.Ş."
    ),
    "firms zh": "华为技术有限公司|北京小米科技|腾讯控股|阿里巴巴集团|万科企业|中国平安",
    "brands": "Toyota|Honda|Ford|Bosch|Siemens|Sony|Nike|Adidas|Puma|Gucci|Prada|Zara",
    "products": (
        "USB cable|Oak table|Coffee mug|Desk lamp|Winter jacket|Running shoes|"
        "Alarm clock|Garden hose"
    ),
    "products2": (
        "Chair Sofia|Lamp Oskar|Table Linnea|Shelf Billy|Bed Malm|Desk Lisabo|Sofa Karlstad"
    ),
    "films": (
        "The Godfather|Pulp Fiction|Forrest Gump|Annie Hall|Jerry Maguire|"
        "Thelma and Louise|Casablanca|Taxi Driver|The Big Lebowski|Blade Runner"
    ),
    "books": (
        "War and Peace|Jane Eyre|Oliver Twist|Moby Dick|Emma|Pride and Prejudice|"
        "The Trial|Anna Karenina|David Copperfield and others|Les Miserables|"
        "Great Expectations|Robinson Crusoe and Friday|The Stranger|On the Road"
    ),
    "animals": "Lion|Tiger|Bear|Wolf|Robin|Dove|Drake|Buck|Colt|Fox|Martin|Jay",
    "streets": (
        "Main Street|Oak Avenue|Martin Luther King Blvd|Park Road|Washington Street|Elm Street"
    ),
    "streets de": "Hauptstraße|Goethestraße|Friedrich-Ebert-Allee|Am Markt|Bahnhofstraße",
    "status": "pending|active|done|failed|open|closed|new",
    "departments": (
        "Sales|Marketing|Human Resources|Finance|Legal|Engineering|"
        "Research and Development|Customer Service"
    ),
    "languages": "English|French|German|Spanish|Arabic|Hindi|Turkish",
    "proglang": "Python|Java|Ruby|Perl|Julia|Swift|Rust|Pascal|Ada|Scala|Kotlin|Haskell|Go",
    "planets": "Mercury|Venus|Earth|Mars|Jupiter|Saturn",
    "elements": "Hydrogen|Helium|Lithium|Carbon|Iron|Gold|Silver",
    "fruit": "Apple|Pear|Cherry|Plum|Olive|Fig|Mango|Kiwi|Clementine",
    "flowers": "Rose|Lily|Daisy|Violet|Iris|Jasmine|Poppy|Tulip|Orchid",
    "sports": "Football|Tennis|Golf|Hockey|Rugby|Cricket|Judo",
    "teams": (
        "Real Madrid|Manchester United|Bayern München|Chicago Bulls|Boston Celtics|Juventus|Ajax"
    ),
    "hotels": "Hotel Maria|Hilton Garden Inn|Grand Hotel|Hotel Adler|Villa Rosa|Park Hotel",
    "universities": (
        "Harvard University|University of Oxford|Universität Bonn|Sorbonne|MIT|Stanford University"
    ),
    "dept zh": "销售部|财务部|人事部|研发部|市场部|技术部",
    "cities zh": "北京|上海|广州|深圳|成都|武汉|杭州|南京|西安|苏州|石家庄|张家口",
    "prov zh": "河北省|江苏省|云南省|广东省|黑龙江省|安徽省",
    "words zh": "高血压|安全|方法|程序|金额|黄色|白色|时间|任务|单位|温度|成功|失败|车辆",
    "status zh": "待付款|已发货|已完成|已取消|成功|失败",
    "products zh": "苹果手机|羽绒服|洗衣机|笔记本|电饭煲|牛奶|白酒|红枣|金龙鱼",
    "yesno zh": "是|否",
    "level zh": "高|中|低",
    "cities ja": "東京|大阪|名古屋|横浜|札幌|福岡|京都|神戸|川崎|広島",
    "words ja": "営業部|完了|未処理|在庫あり|東京支店|山梨県|送料無料",
    "cities ko": "서울|부산|대구|인천|광주|대전|울산|수원",
    "words ko": "완료|대기중|취소|배송중|결제완료|환불|주문접수",
    "products ko": "노트북|냉장고|세탁기|청소기|전자레인지|마우스",
    "cities ru": "Москва|Казань|Самара|Ростов|Саратов|Псков|Тула|Омск|Пермь|Уфа",
    "words ru": "машина|магазин|основа|корзина|мужчина|картина|новый|готово|отмена",
    "products ru": "Стиральная машина|Холодильник|Чайник электрический|Пылесос|Утюг паровой",
    "cities ar": "القاهرة|الرياض|بغداد|دمشق|عمان|بيروت|جدة",
    "words ar": "مكتمل|ملغي|قيد الانتظار|جديد|تم الشحن",
    "words hi": "पूर्ण|लंबित|रद्द|नया|सफल|असफल",
    "drug": ("Ibuprofen 400 mg|Paracetamol 500 mg tablets|Amoxicillin 250 mg capsule|Aspirin 100"),
    "diag": (
        "Diabetes mellitus|Hypertension|Asthma|Alzheimer disease|Parkinson disease|"
        "Down syndrome|Crohn disease"
    ),
    "diseases": "Influenza|Malaria|Measles|Tetanus",
    "genres": "Rock|Jazz|Blues|Pop|Classical|Country|Metal",
    "pizzas": "Margherita|Napoli|Quattro Stagioni|Diavola|Capricciosa|Marinara",
    "airports": (
        "Charles de Gaulle Airport|John F. Kennedy International Airport|Heathrow Airport|Schiphol"
    ),
    "ships": "Queen Mary|Titanic|Santa Maria|Victoria|Endeavour",
    "currencies": "Euro|US Dollar|Pound Sterling|Yen|Swiss Franc",
    "menu": ("Caesar salad|Tomato soup|Grilled salmon|Chicken Kiev|Beef Wellington|Peach Melba"),
    "regions": "Bavaria|Saxony|Normandy|Tuscany|Catalonia|Andalusia",
    "adjs": "big|small|large|medium|extra large",
    "browser": "Chrome|Firefox|Safari|Edge|Opera",
    "fonts": "Helvetica|Arial|Times New Roman|Georgia|Verdana|Comic Sans",
    "models": "Model S|Golf GTI|Corolla|Civic|Clio|Focus|Polo|Fabia",
}

MORE_LOOK_ALIKES: dict[str, str] = {
    "states": ("MA|NY|CA|TX|FL|AL|DE|LA|PA|VA|ND|AK|HI|IN|OR|ME"),
    "yes no": ("Yes|No"),
    "yes no maybe": ("Yes|No|Unknown"),
    "y n": ("Y|N"),
    "makers": ("Siemens|Philips|GE Healthcare|Medtronic|Drager|Olympus|Canon|Hitachi"),
    "sizes": ("S|M|L|XL|XXL"),
    "grades": ("A|B|C|D|F"),
    "codes": ("AB|CD|EF|GH|IJ|KL|AN|JO|LI"),
    "airlines": ("Delta|United|Lufthansa|Emirates|Qantas|Ryanair|Finnair|Iberia|Alitalia"),
    "carmodels": (
        "Fiesta|Astra|Passat|Octavia|Megane|Panda|Yaris|Micra|Sandero|Duster|Tucson|Kona"
    ),
    "gods": ("Zeus|Hera|Apollo|Athena|Ares|Hermes|Thor|Odin|Loki|Freya|Shiva|Vishnu|Anubis|Ra"),
    "cheeses": ("Gouda|Brie|Camembert|Feta|Cheddar|Edam|Roquefort|Gruyere|Parmesan|Mozzarella"),
    "breeds": ("Labrador|Poodle|Beagle|Boxer|Dalmatian|Pug|Collie|Dachshund|Rottweiler|Husky"),
    "words de": ("Schraube|Hammer|Bohrer|Nagel|Zange|Säge|Feile|Schlüssel|Mutter|Scheibe|Kabel"),
    "words fr": ("chaise|lampe|fenêtre|porte|cuisine|jardin|voiture|maison|bureau|table"),
    "words es": ("zapato|camisa|pantalón|mesa|silla|lámpara|coche|ventana|puerta|cuchillo"),
    "words tr": ("masa|sandalye|kitap|kalem|defter|kapı|pencere|araba|ekmek|peynir|bardak"),
    "words id": ("meja|kursi|buku|pensil|baju|celana|sepatu|roti|nasi goreng|ayam bakar|lampu"),
    "words pl": ("stół|krzesło|książka|lampa|okno|drzwi|samochód|chleb|masło|buty|kurtka"),
    "words nl": ("tafel|stoel|boek|lamp|raam|deur|auto|brood|boter|schoenen|jas|fiets"),
    "words pt": ("mesa|cadeira|livro|lâmpada|janela|porta|carro|pão|manteiga|sapatos|casaco"),
    "words it": ("tavolo|sedia|libro|lampada|finestra|porta|macchina|pane|burro|scarpe|giacca"),
    "words sw": ("meza|kiti|kitabu|taa|dirisha|mlango|gari|mkate|siagi|viatu|koti|nyumba"),
    "words ar 2": ("طاولة|كرسي|كتاب|مصباح|نافذة|باب|سيارة|خبز|زبدة|حذاء|معطف|هاتف|حاسوب"),
    "colours ar": ("أحمر|أزرق|أخضر|أصفر|أسود|أبيض|بني|رمادي|وردي|برتقالي"),
    "products ar": ("هاتف ذكي|حقيبة جلدية|قميص قطني|ساعة يد|حذاء رياضي|غسالة ملابس|ثلاجة كبيرة"),
    "departments ar": (
        "الموارد البشرية|المالية|المبيعات|التسويق|تقنية المعلومات|خدمة العملاء|الشؤون القانونية"
    ),
    "firms ar": ("شركة الراجحي|بنك الرياض|مؤسسة النور التجارية|مجموعة الفطيم|شركة المراعي"),
    "words fa": ("میز|صندلی|کتاب|چراغ|پنجره|در|ماشین|نان|کره|کفش|تلفن همراه|یخچال"),
    "words he": ("שולחן|כיסא|ספר|מנורה|חלון|דלת|מכונית|לחם|חמאה|נעליים|מעיל|טלפון"),
    "status he": ("ממתין|הושלם|בוטל|חדש|נשלח|בטיפול"),
    "cities he": ("תל אביב|ירושלים|חיפה|באר שבע|אשדוד|נתניה"),
    "words el": ("τραπέζι|καρέκλα|βιβλίο|λάμπα|παράθυρο|πόρτα|αυτοκίνητο|ψωμί|βούτυρο|παπούτσια"),
    "cities el": ("Αθήνα|Θεσσαλονίκη|Πάτρα|Ηράκλειο|Λάρισα|Βόλος|Ιωάννινα|Χανιά"),
    "words hi 2": ("मेज|कुर्सी|किताब|दीपक|खिड़की|दरवाजा|गाड़ी|रोटी|मक्खन|जूते|कोट|घर|पानी"),
    "cities hi": ("दिल्ली|मुंबई|कोलकाता|चेन्नई|बेंगलुरु|हैदराबाद|पुणे|जयपुर|लखनऊ|कानपुर"),
    "products hi": ("स्मार्ट फोन|चमड़े का बैग|सूती कमीज|दीवार घड़ी|खेल के जूते|कपड़े धोने की मशीन"),
    "words th": ("โต๊ะ|เก้าอี้|หนังสือ|โคมไฟ|หน้าต่าง|ประตู|รถยนต์|ขนมปัง|เนย|รองเท้า|เสื้อ"),
    "cities th": ("กรุงเทพมหานคร|เชียงใหม่|ภูเก็ต|ขอนแก่น|นครราชสีมา|ชลบุรี|สงขลา"),
    "words uk": ("стіл|стілець|книга|лампа|вікно|двері|машина|хліб|масло|взуття|новий|скасовано"),
    "words ru 2": (
        "стол|стул|книга|лампа|окно|дверь|хлеб|масло|обувь|пальто|телефон|корзина|витрина"
    ),
    "products bg": ("бяла маса|зимно яке|кухненски нож|настолна лампа|спортни обувки|кафе машина"),
    "words ko 2": (
        "책상|의자|연필|전화|시간|사진|음악|영화|여행|학교|병원|회사|은행|공원|시장|식당|주문|정보"
    ),
    "status ko": ("정상|대기|승인|거절|보류|진행|중지|완료|미정"),
    "genres ko": ("한식|중식|일식|양식|분식|치킨|피자"),
    "words ja 2": (
        "椅子|机|電話|時間|写真|音楽|映画|旅行|学校|病院|会社|銀行|公園|市場|帽子|菓子|電子|様子"
    ),
    "words ja kana": (
        "ノート|ペン|テーブル|カメラ|パソコン|テレビ|カーテン|ソファ|ランプ|スマートフォン"
    ),
    "products ja": ("冷蔵庫|洗濯機|掃除機|電子レンジ|炊飯器|扇風機|目覚まし時計|自転車"),
    "words zh 2": ("手机|电脑|桌子|椅子|杯子|鞋子|帽子|裤子|女子|男子|公里|学生|医生|男人"),
    "brands zh": ("华为|小米|联想|海尔|格力|美的|李宁|安踏|康师傅|王老吉|老干妈"),
    "medicine": (
        "Aspirin|Metformin|Lisinopril|Warfarin|Insulin|Heparin|Morphine|Lipitor|Zoloft|Xanax"
    ),
    "species": ("Homo sapiens|Canis lupus|Felis catus|Quercus robur|Pinus sylvestris|Rosa canina"),
    "hosts": ("apollo|zeus|gandalf|frodo|jupiter|web01|db-master|hermes|atlas"),
    "servers": ("web|db|cache|proxy|worker|queue"),
    "levels": ("INFO|WARN|ERROR|DEBUG|FATAL"),
    "methods": ("GET|POST|PUT|DELETE|PATCH"),
    "currency codes": ("EUR|USD|GBP|JPY|CHF|SEK|PLN"),
    "units": ("kg|g|lb|oz|ml|l|cm|mm"),
    "weekdays short": ("Mon|Tue|Wed|Thu|Fri|Sat|Sun"),
    "months short": ("Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"),
    "months es": ("enero|febrero|marzo|abril|mayo|junio|julio|agosto"),
    "dinosaurs": ("Tyrannosaurus|Triceratops|Stegosaurus|Velociraptor|Diplodocus"),
    "wines": ("Merlot|Chardonnay|Pinot Noir|Riesling|Shiraz|Cabernet Sauvignon|Malbec|Syrah"),
    "job titles": (
        "Sales Manager|Software Engineer|Nurse|Teacher|Head of Marketing|Data Analyst|Cook|Baker"
    ),
    "projects": ("Project Phoenix|Project Apollo|Operation Neptune|Migration Wave Two|Blue Sky"),
    "tribes": ("Cherokee|Navajo|Sioux|Apache|Iroquois|Mohawk"),
    "rooms": ("Kitchen|Bathroom|Bedroom|Hall|Attic|Garage"),
    "stars": ("Sirius|Vega|Rigel|Altair|Betelgeuse|Antares|Polaris"),
    "rivers": ("Rhine|Danube|Elbe|Thames|Nile|Seine|Volga|Ganges"),
    "mountains": ("Everest|Kilimanjaro|Mont Blanc|Matterhorn|Denali|Elbrus|Fuji"),
    "tables": ("customers|orders|users|products|invoices|payments"),
    "counties en": ("Kent|Essex|Surrey|Devon|Norfolk|Suffolk|Dorset|Cornwall"),
    "cities pl": ("Warszawa|Kraków|Łódź|Wrocław|Poznań|Gdańsk|Katowice|Częstochowa"),
    "cities cz": ("Praha|Brno|Ostrava|Plzeň|Liberec|Olomouc|Opava|Karviná|Krnov"),
    "cities id": ("Jakarta|Surabaya|Bandung|Medan|Semarang|Makassar|Padang"),
    "cities tr": ("İstanbul|Ankara|İzmir|Bursa|Antalya|Adana|Konya|Gaziantep|Kayseri"),
    "cities in": ("Mumbai|Delhi|Kolkata|Chennai|Pune|Jaipur|Nagpur|Indore|Bhopal"),
    "albums": ("Abbey Road|Purple Rain|Thriller|Nevermind|Rumours|Let It Bleed|Back in Black"),
    "streets es": ("Calle Mayor|Gran Vía|Paseo de la Castellana|Avenida de América|Plaza España"),
}
ALL_LOOK_ALIKES = {**LOOK_ALIKES, **MORE_LOOK_ALIKES}
