"""Tables of things: nothing in them is anybody's, however much it looks so."""

from __future__ import annotations

from collections.abc import Iterator

from bench.labelled import people as p
from bench.labelled import things as t
from bench.labelled.build import Column, Template

C = Column  # stands some hundred times below


def templates() -> Iterator[Template]:
    """All of them, in a fixed order."""
    yield Template("products", (
        C("product_id", t.whole(1, 99999)), C("name", t.product),
        C("sku", t.pattern("AB-####-??"), lie="email"), C("ean", t.ean),
        C("price", t.real(1, 999)), C("brand", t.any_of("Nordwerk", "Kestrel", "Aqualux")),
        C("description", t.description), C("colour", t.any_of("red", "#ff0000", "navy", "teal")),
        C("embedding", t.vector(128), bare=True), C("weight_kg", t.real(0.1, 40)),
        C("stock_qty", t.whole(0, 900)), C("slug", t.slug), C("image_url", t.page),
        C("model_no", t.pattern("?##-###")), C("country_of_origin", t.any_of("DE", "CN", "IT")),
        C("age_group", t.any_of("0-3", "4-7", "8-12", "adult")),
        C("size", t.any_of("S", "M", "L", "XL")), C("tax_rate", t.any_of(7, 19, 21)),
        C("rating_avg", t.real(1, 5)), C("version", t.version, lie="phone"),
    ))  # fmt: skip
    yield Template("orders", (
        C("order_no", t.failing(9)), C("order_uuid", t.a_uuid, lie="age"),
        C("status", t.any_of("paid", "shipped", "open")),
        C("total", t.real(3, 900)), C("currency", t.any_of("EUR", "USD")),
        C("item_count", t.whole(1, 20)), C("tracking_no", t.pattern("1Z################")),
        C("coupon_code", t.pattern("SAVE##")), C("warehouse_city", t.any_of("Ulm", "Venlo",
          "Poznań")), C("placed_at", t.moment), C("updated_ms", t.epoch_ms),
        C("carrier", t.any_of("DHL", "UPS", "GLS")), C("product_name", t.long_product),
        C("discount_pct", t.whole(0, 50)), C("invoice_number", t.failing(11)),
    ))  # fmt: skip
    yield Template("sensor_readings", (
        C("sensor_id", t.pattern("SNS-####")), C("ts", t.epoch), C("temperature", t.real(-20, 45)),
        C("humidity", t.real(0, 100)), C("pressure_hpa", t.real(970, 1040)),
        C("voltage", t.real(3, 4.2, 3)), C("firmware", t.version), C("rssi", t.whole(-99, -30)),
        C("spectrum", t.spectrum(64), bare=True), C("error_code", t.whole(0, 255)),
        C("checksum", t.hexadecimal(8)), C("uptime_s", t.whole(0, 10**7)),
        C("site", t.any_of("north", "south")), C("co2_ppm", t.whole(380, 2000)),
    ))  # fmt: skip
    yield Template("app_logs", (
        C("line", t.log_line), C("level", t.any_of("INFO", "WARN")), C("trace_id",
          t.hexadecimal(32)), C("span_id", t.hexadecimal(16)), C("duration_ms", t.real(0, 900)),
        C("http_status", t.any_of(200, 404, 500)), C("host", t.host), C("logged_at",
          t.moment_text), C("url", t.page), C("pid", t.whole(1, 32768)),
        C("thread_name", t.any_of("main", "pool-1", "io-3")), C("commit", t.hexadecimal(40)),
        C("logger_name", t.any_of("com.acme.db", "com.acme.http")), C("bytes", t.whole(0, 10**6)),
    ))  # fmt: skip
    yield Template("companies", (
        C("company_name", t.firm), C("vat_id", t.vat), C("industry", t.any_of("Logistics",
          "Food", "Energy")), C("employees_count", t.whole(1, 9000)), C("website", t.page),
        C("founded_year", t.whole(1880, 2020)), C("revenue", t.whole(10**4, 10**8)),
        C("hq_city", t.any_of("Lyon", "Graz", "Turin")), C("legal_form", t.any_of("GmbH", "AG")),
        C("register_no", t.pattern("HRB #####")), C("name_en", t.firm),
        C("stock_symbol", t.pattern("???")), C("is_supplier", t.any_of(True, False)),
    ))  # fmt: skip
    yield Template("shops", (
        C("shop_id", t.whole(1, 900)), C("shop_name", t.firm), C("latitude", t.real(47, 55, 6)),
        C("longitude", t.real(6, 15, 6)), C("city", p.faked("de_DE", "city")),
        C("postal_code", t.digits(5)), C("phone", p.faked("de_DE", "phone_number")),
        C("opening_hours", t.any_of("9-18", "10-20")), C("area_sqm", t.whole(60, 9000)),
        C("address", p.faked("de_DE", "address")), C("manager_count", t.whole(1, 4)),
        C("store_type", t.any_of("flagship", "outlet")),
    ), untold=False)  # fmt: skip
    yield Template("books", (
        C("isbn", t.isbn), C("title", t.long_product),
        C("pages", t.whole(60, 900)), C("year", t.whole(1950, 2023)), C("publisher", t.firm),
        C("language", t.any_of("en", "de")), C("edition", t.whole(1, 12)),
        C("shelf", t.pattern("?##")), C("price_eur", t.real(5, 90)), C("doi",
          t.pattern("10.####/~~~~~.####")), C("copies", t.whole(0, 40)),
    ))  # fmt: skip
    yield Template("git_commits", (
        C("sha", t.hexadecimal(40)), C("parent_sha", t.hexadecimal(40)),
        C("repo", t.slug), C("branch_name", t.any_of("main", "dev", "release/1.2")),
        C("files_changed", t.whole(1, 60)), C("insertions", t.whole(0, 999)),
        C("tag_name", t.version), C("committed_at", t.moment), C("message", t.any_of("Fix build",
          "Bump version", "Refactor parser", "Add index"), also=("free_text",)),
        C("build_no", t.whole(1, 9999)), C("tree_hash", t.hexadecimal(64)),
    ))  # fmt: skip
    yield Template("wines", (
        C("wine_name", t.any_of("Riesling Kabinett", "Barolo Riserva", "Rioja Crianza")),
        C("vintage", t.whole(1980, 2022)), C("age_group", t.any_of("young", "mature", "old")),
        C("region", t.any_of("Mosel", "Piemonte", "Rioja")), C("alcohol", t.real(9, 15, 1)),
        C("race", t.any_of("red", "white", "rosé")), C("points", t.whole(80, 100)),
        C("bottle_code", t.pattern("L####?")), C("producer", t.firm), C("family",
          t.any_of("Vitis", "Hybrid")), C("sex_appeal_score", t.real(0, 1)),
    ))  # fmt: skip
    yield Template("config_settings", (
        C("setting_name", t.any_of("max_connections", "timeout", "retry")), C("value",
          t.whole(0, 99)), C("type", t.any_of("int", "bool")), C("email_template",
          t.any_of("welcome.html", "reset.html")), C("password_min_length", t.whole(6, 16)),
        C("phone_required", t.any_of(True, False)), C("gender_options_count", t.whole(2, 5)),
        C("ethnicity_field_enabled", t.any_of(True, False)), C("religion_sort_order",
          t.whole(1, 9)), C("address_format", t.any_of("{street} {city}", "{city} {zip}")),
        C("token_ttl_s", t.whole(60, 9000)), C("ip_range", t.cidr), C("schema_version",
          t.version), C("name_pattern", t.any_of("^[a-z]+$", "^.{1,40}$")),
    ))  # fmt: skip
    yield Template("flights_schedule", (
        C("flight_no", t.pattern("LH###")), C("origin", t.any_of("FRA", "MUC", "HAM")),
        C("destination", t.any_of("CDG", "AMS")), C("dep_time", t.moment),
        C("aircraft", t.any_of("A320", "B738")), C("tail_no", t.pattern("D-????")),
        C("duration_min", t.whole(40, 700)), C("terminal", t.any_of(1, 2)),
        C("distance_nm", t.whole(100, 6000)), C("fuel_kg", t.real(900, 90000)),
    ), untold=False)  # fmt: skip
    yield Template("species", (
        C("scientific_name", t.any_of("Pinus sylvestris", "Quercus robur", "Fagus sylvatica")),
        C("common_name", t.any_of("Scots pine", "English oak", "Beech")), C("family",
          t.any_of("Pinaceae", "Fagaceae")), C("genus", t.any_of("Pinus", "Quercus")),
        C("height_m", t.real(1, 40)), C("age_years", t.whole(1, 400)), C("plot_lat",
          t.real(47, 55, 5)), C("plot_lon", t.real(6, 15, 5)), C("origin",
          t.any_of("native", "introduced")), C("status", t.any_of("LC", "EN", "VU")),
    ))  # fmt: skip
    yield Template("network_hosts", (
        C("hostname", t.host), C("cidr", t.cidr), C("port", t.any_of(22, 443, 5432)),
        C("os_version", t.version), C("rack", t.pattern("R##")), C("serial_number",
          t.pattern("??##########")), C("cpu_count", t.whole(1, 128)), C("image_digest",
          lambda r: f"sha256:{t.hexadecimal(64)(r)}"), C("container_id", t.hexadecimal(12)),
        C("disk_gb", t.whole(20, 9000)), C("env", t.any_of("prod", "dev")),
        C("pod_uid", t.a_uuid),
    ))  # fmt: skip
    yield Template("商品", (
        C("商品名称", t.any_of("蓝色茶杯", "木制书架", "电热水壶")), C("商品编号", t.failing(12)),
        C("价格", t.real(1, 900)), C("库存数量", t.whole(0, 900)), C("条形码", t.ean),
        C("类型", t.any_of("厨具", "家具")), C("创建时间", t.moment), C("重量", t.real(0, 9)),
        C("状态", t.any_of("上架", "下架")),
        C("供应商名称", t.any_of("华东贸易公司", "海潮实业公司")),
    ))  # fmt: skip
    yield Template("artikel", (
        C("artikelnummer", t.digits(8)), C("bezeichnung", t.long_product), C("preis",
          t.real(1, 900)), C("bestand", t.whole(0, 99)), C("warengruppe", t.any_of("Holz",
          "Metall")), C("lieferant", t.firm), C("gewicht", t.real(0, 90)), C("geaendert_am",
          t.moment), C("chargennummer", t.failing(10)), C("mwst", t.any_of(7, 19)),
        C("lagerort", t.pattern("L-##-##")), C("farbe", t.any_of("rot", "blau", "grün")),
    ))  # fmt: skip
    yield Template("measurements_raw", (
        C("col_a", t.failing(9)), C("col_b", t.failing(10)), C("col_c", t.failing(11)),
        C("col_d", t.failing(12)), C("col_e", t.failing(13)), C("col_f", t.failing(15)),
        C("col_g", t.failing(16)), C("col_h", t.whole(10**8, 10**9 - 1)), C("col_i",
          t.whole(10**10, 10**11 - 1)), C("col_j", t.pattern("???######")), C("col_k",
          t.pattern("########?")), C("col_l", t.real(-90, 90, 6)), C("col_m", t.real(0, 1, 6)),
        C("col_n", t.whole(0, 99)), C("col_o", t.any_of(0, 1)), C("col_p", t.any_of("A", "B", "C")),
        C("col_q", t.digits(14)), C("col_r", t.pattern("##-##-####")),
    ))  # fmt: skip
    yield Template("catalogue_misled", (
        C("a", t.any_of("Ulm", "Venlo", "Poznań"), also=("locality",), lie="ethnicity"),
        C("b", t.version, lie="phone_number"), C("c", t.product, lie="email"),
        C("d", t.a_uuid, lie="birth_date"), C("e", t.real(500, 9000), lie="latitude"),
        C("f", t.hexadecimal(40), also=("secret", "email"), lie="email_address"),
        C("g", t.log_line, lie="iban"), C("h", t.page, lie="ssn"), C("i", t.whole(5000, 9999),
          lie="age"), C("j", t.any_of("GET", "POST"), lie="blood_group"), C("k", t.moment_text,
          lie="card_number"), C("l", t.slug, lie="imei"), C("m", t.path, lie="passport_mrz"),
        C("n", t.any_of(True, False), lie="fingerprint_template"), C("o", t.description,
          lie="icd10"),
    ))  # fmt: skip
